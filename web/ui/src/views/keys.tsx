import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Keys() {
  useTitle("Keys");
  return (
    <div class="view">
      <Head title="Keys" />
    </div>
  );
}
