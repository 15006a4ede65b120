import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Jobs() {
  useTitle("Jobs");
  return (
    <div class="view">
      <Head title="Jobs" />
    </div>
  );
}
