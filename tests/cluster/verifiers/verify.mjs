// Asks `@sigstore/verify` about each case of a JSON file, and prints a list of booleans. A case is a bundle and a public key.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { bundleFromJSON } from "@sigstore/bundle";
import { Verifier, toSignedEntity, toTrustMaterial } from "@sigstore/verify";

const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [], mediaType: "" };
const offline = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0, tsaThreshold: 0 };

function accepted({ bundle, key }) {
  const trust = toTrustMaterial(nobody, () => ({ publicKey: createPublicKey(key), validFor: () => true }));
  try {
    new Verifier(trust, offline).verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))));
    return true;
  } catch (error) {
    if (!["VerificationError", "ValidationError", "SyntaxError"].includes(error.name)) throw error;
    return false;
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(process.argv[2])).map(accepted)));
