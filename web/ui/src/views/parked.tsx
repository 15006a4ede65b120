import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Parked() {
  useTitle("Parked stages");
  return (
    <div class="view">
      <Head title="Parked stages" />
    </div>
  );
}
