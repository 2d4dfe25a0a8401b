// Owns how a stranger's text becomes part of a report file: nothing in it is obeyed by a browser, an XML reader or a URI. Knows no report.
import { terminalLines, terminalText } from '../terminal-text.ts'

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const entities = (text: string): string => text.replace(/[&<>"']/g, char => ENTITIES[char]!)
/** Half a surrogate pair is no character: UTF-8 has no bytes for it. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd')

/** Text for an element or a quoted attribute of HTML. Control characters and those that reorder text are written out, so that they are seen. */
export const escapeHtml = (text: string): string => entities(wellFormed(terminalText(text)))

// XML 1.0, production 2 (Char). What is outside it is an error even as a reference; the controls among it are written out before this.
const NO_XML_CHAR = /[\ufffe\uffff]/g
const xmlChars = (text: string): string => entities(wellFormed(text).replace(NO_XML_CHAR, ''))

/** Text of several lines for an element of XML 1.0: what XML cannot hold is written out or left out. */
export const escapeXml = (text: string): string => xmlChars(terminalLines(text))

/** Text of one line for a quoted attribute of XML 1.0. */
export const escapeXmlAttribute = (text: string): string => xmlChars(terminalText(text))

const percent = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`

/** A file's name as a URI reference (RFC 3986): absolute ones with the scheme `file`, others relative, so that no name can be a scheme or a host. */
export function fileUri(name: string): string {
  const segments = wellFormed(name)
    .split('/')
    .map(segment => encodeURIComponent(segment).replace(/[!'()*]/g, percent))
  return name.startsWith('/') ? `file:///${segments.filter(segment => segment !== '').join('/')}` : segments.join('/')
}
