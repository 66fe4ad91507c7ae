// A real OpenID provider on loopback: `node provider.mjs PORT REDIRECT_URI`. Whoever signs in as NAME is NAME@example.com,
// whatever the password; the groups stand in the name: `ada+ops+admins` is in ops and admins. `unverified` has an address
// that nobody has verified.
import { Provider } from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const account = (id) => {
  const [name, ...groups] = id.split("+");
  const claims = {
    sub: id, name: `${name} of Example`, email: `${name}@example.com`, email_verified: name !== "unverified", groups,
  };
  return { accountId: id, claims: () => claims };
};

const provider = new Provider(issuer, {
  clients: [{ client_id: "crontopus", client_secret: "a secret of two", redirect_uris: [redirect] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  scopes: ["openid", "email", "profile", "groups"],
  cookies: { keys: ["of a test"] },
  pkce: { required: () => true },
  findAccount: (_, id) => account(id),
});

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
