import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Analytics() {
  useTitle("Analytics");
  return (
    <div class="view">
      <Head title="Analytics" />
    </div>
  );
}
