import { generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';

/** PEM texts of a server with a certificate of its own CA. */
export interface TestIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A CA and a certificate for the names (addresses among them) that is valid from yesterday until `daysLeft` from now. */
export function makeIdentity(names: readonly string[], daysLeft = 1): TestIdentity {
  const ca = newKeys();
  const server = newKeys();
  const caName = [{ name: 'commonName', value: 'Test CA' }];
  const caCert = certificate({ keys: ca, subject: caName, issuer: caName, signer: ca, daysLeft: 10 });
  caCert.setExtensions([{ name: 'basicConstraints', cA: true, critical: true }]);
  caCert.sign(ca.privateKey, forge.md.sha256.create());
  const subject = [{ name: 'commonName', value: names[0] ?? 'test' }];
  const cert = certificate({ keys: server, subject, issuer: caName, signer: ca, daysLeft });
  const altNames = names.map((name) =>
    /^[\d.]+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name },
  );
  cert.setExtensions([{ name: 'subjectAltName', altNames }]);
  cert.sign(ca.privateKey, forge.md.sha256.create());
  return {
    ca: forge.pki.certificateToPem(caCert),
    cert: forge.pki.certificateToPem(cert),
    key: forge.pki.privateKeyToPem(server.privateKey),
  };
}

interface Keys {
  readonly privateKey: forge.pki.rsa.PrivateKey;
  readonly publicKey: forge.pki.rsa.PublicKey;
}

function newKeys(): Keys {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return {
    privateKey: forge.pki.privateKeyFromPem(pair.privateKey),
    publicKey: forge.pki.publicKeyFromPem(pair.publicKey),
  };
}

function certificate(given: {
  readonly keys: Keys;
  readonly subject: forge.pki.CertificateField[];
  readonly issuer: forge.pki.CertificateField[];
  readonly signer: Keys;
  readonly daysLeft: number;
}): forge.pki.Certificate {
  const dayMs = 24 * 3600 * 1000;
  const made = forge.pki.createCertificate();
  made.publicKey = given.keys.publicKey;
  made.serialNumber = `01${Math.floor(Math.random() * 2 ** 40)
    .toString(16)
    .padStart(10, '0')}`;
  made.validity.notBefore = new Date(Date.now() - 2 * dayMs);
  made.validity.notAfter = new Date(Date.now() + given.daysLeft * dayMs);
  made.setSubject(given.subject);
  made.setIssuer(given.issuer);
  return made;
}
