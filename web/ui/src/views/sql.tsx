import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Sql() {
  useTitle("SQL");
  return (
    <div class="view">
      <Head title="SQL" />
    </div>
  );
}
