// The package's types describe only its entry point, which loads all of it (30 ms instead of 6 ms), lack the
// options of fromDer, and take context-specific tags for members of an enumeration.
declare module 'node-forge/lib/asn1.js' {
  import type { asn1 } from 'node-forge';

  interface Asn1Module extends Omit<typeof asn1, 'create' | 'fromDer'> {
    create(tagClass: number, tag: number, constructed: boolean, value: string | asn1.Asn1[]): asn1.Asn1;
    fromDer(
      bytes: string,
      options: { readonly strict: boolean; readonly decodeBitStrings: boolean },
    ): asn1.Asn1;
  }
  const module: Asn1Module;
  export default module;
}
