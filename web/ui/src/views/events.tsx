import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Events() {
  useTitle("Events");
  return (
    <div class="view">
      <Head title="Events" />
    </div>
  );
}
