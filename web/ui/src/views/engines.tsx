import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Engines() {
  useTitle("Engines");
  return (
    <div class="view">
      <Head title="Engines" />
    </div>
  );
}
