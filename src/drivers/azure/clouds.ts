/** The clouds of Azure: each has a login and a resource manager of its own. */

/** Where a cloud is. URLs without a slash at their end. */
export interface AzureCloud {
  readonly login: string;
  readonly management: string;
}

const publicCloud: AzureCloud = {
  login: 'https://login.microsoftonline.com',
  management: 'https://management.azure.com',
};

const government: AzureCloud = {
  login: 'https://login.microsoftonline.us',
  management: 'https://management.usgovcloudapi.net',
};

/** By names of docker-machine (of go-autorest) in lower case. */
const clouds: Readonly<Record<string, AzureCloud>> = {
  azurepubliccloud: publicCloud,
  azurecloud: publicCloud,
  azurechinacloud: {
    login: 'https://login.chinacloudapi.cn',
    management: 'https://management.chinacloudapi.cn',
  },
  azureusgovernment: government,
  azureusgovernmentcloud: government,
};

/** The cloud of a name, in any case; undefined when there is none. */
export function findCloud(name: string): AzureCloud | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(clouds, key) ? clouds[key] : undefined;
}
