// table: Owns the texts that VMMs print for an errno: those of the C library (glibc, strerror).
const TEXTS: ReadonlyMap<number, string> = new Map([
  [1, 'Operation not permitted'],
  [2, 'No such file or directory'],
  [7, 'Argument list too long'],
  [8, 'Exec format error'],
  [14, 'Bad address'],
  [16, 'Device or resource busy'],
  [17, 'File exists'],
  [22, 'Invalid argument'],
  [25, 'Inappropriate ioctl for device'],
])

export const strerror = (errno: number): string => TEXTS.get(errno) ?? `Unknown error ${errno}`
/** As Rust prints an errno. */
export const rustError = (errno: number): string => `${strerror(errno)} (os error ${errno})`
