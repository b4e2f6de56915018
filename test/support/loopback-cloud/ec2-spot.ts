// Spot requests for which there is no instance: moto makes none for RunInstances, so they are asked for as of old.

/** Makes one with these tags, past any proxy. @returns its id. */
export async function makeSpotRequest(
  motoUrl: string,
  { image, tags }: { readonly image: string; readonly tags: Readonly<Record<string, string>> },
): Promise<string> {
  const asked = await send(motoUrl, {
    Action: 'RequestSpotInstances',
    SpotPrice: '0.01',
    'LaunchSpecification.ImageId': image,
    'LaunchSpecification.InstanceType': 't3.small',
  });
  const id = /<spotInstanceRequestId>(sir-[0-9a-z]+)</.exec(asked)?.[1];
  if (id === undefined) {
    throw new Error(`moto made no spot request: ${asked}`);
  }
  await send(motoUrl, {
    Action: 'CreateTags',
    'ResourceId.1': id,
    ...Object.fromEntries(
      Object.entries(tags).flatMap(([key, value], index) => [
        [`Tag.${index + 1}.Key`, key],
        [`Tag.${index + 1}.Value`, value],
      ]),
    ),
  });
  return id;
}

async function send(motoUrl: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const answer = await fetch(motoUrl, {
    method: 'POST',
    body: new URLSearchParams({ Version: '2016-11-15', ...parameters }),
    headers: {
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0',
    },
  });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`moto says ${answer.status}: ${text}`);
  }
  return text;
}
