import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Job() {
  useTitle("Job");
  return (
    <div class="view">
      <Head title="Job" />
    </div>
  );
}
