import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Shared() {
  useTitle("Shared transcript");
  return (
    <div class="view">
      <Head title="Shared transcript" />
    </div>
  );
}
