import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Replay() {
  useTitle("Replay");
  return (
    <div class="view">
      <Head title="Replay" />
    </div>
  );
}
