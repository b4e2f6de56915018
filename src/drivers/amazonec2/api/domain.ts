/** Where the services of a region are: the regions of China are a partition of their own (AWS General Reference). */
export function awsDomain(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}
