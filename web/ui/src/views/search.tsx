import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Search() {
  useTitle("Search");
  return (
    <div class="view">
      <Head title="Search" />
    </div>
  );
}
