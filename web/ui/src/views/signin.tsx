import { Head } from "../components/basics";
import { useTitle } from "../lib/use";

export default function Signin() {
  useTitle("Sign in");
  return (
    <div class="view">
      <Head title="Sign in" />
    </div>
  );
}
