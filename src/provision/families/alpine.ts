import type { Family } from '../family.ts';

// The engine is in the repository "community", which a fresh Alpine has switched off.
const community = `
if ! grep -Eq '^[^#].*/community/?$' /etc/apk/repositories; then
  echo 'the repository "community" is not enabled in /etc/apk/repositories; remove the # in front of it' >&2
  exit 1
fi
`;

/** Alpine Linux, with OpenRC. */
export const alpine: Family = {
  name: 'alpine',
  title: () => 'alpine',
  install: () => `${community}apk add --no-progress --update-cache docker docker-openrc ca-certificates\n`,
  // apk restarts nothing.
  upgrade: () => `
programs() { cat "$(command -v dockerd)" "$(command -v containerd)" | sha256sum; }
before=$(programs)
apk add --no-progress --update-cache --upgrade docker docker-cli docker-engine docker-openrc containerd runc
if [ "$(programs)" != "$before" ]; then rc-service docker restart 3>&-; fi
`,
  installCurl: `apk add --no-progress --update-cache curl ca-certificates\n`,
};
