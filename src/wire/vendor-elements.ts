import type { ElementType } from './elements.ts';
import { elementKey } from './template-fields.ts';

/**
 * Types of elements outside IANA's registry that devices in the field send, as their vendors document them: enterprise
 * (0: numbers of v9 that IANA has not given), type, ids. An element without an entry is kept all the same, as text
 * where it is readable and as octets where not.
 *
 * 0: Palo Alto's App-ID and User-ID; Cisco ASA's access lists (three words of 32 bits) and user name;
 *    nProbe's latencies (seconds and microseconds, or milliseconds).
 * 9: Cisco AVC. 5951: Citrix NetScaler AppFlow. 6876: VMware NSX. 25461: Palo Alto.
 */
const TABLE = `
0 string 56701 56702 40000
0 octets 33000 33001
0 u32 57554 57555 57556 57557 57558 57559 57595 57596 57597
9 u32 4315 4316 9267 9268 9269 9270 9272 9273 9274 9275 9292 9293 9294 9295 9296 9297 9298 9299 9300 9303 9304 9305
9 u32 9306 9307 9308 9309 9310 9311 9313 9314 9315 9316 9317 9318 9319 9320 9321 9360 12242
9 u16 4318 12240 12241
9 u64 4324 8337 8338 9361
9 ipv4 12236 12237
9 ipv6 12238 12239
9 octets 8232
9 u8 9252 9253
5951 u32 128 129 133 150 151 161 162 171 172 182 215 216 217 221 222 225 226 227 228 229 230 231 232 233 234 236 243
5951 u32 244 245 247 256 257 258 259 260 265 266 268 269
5951 string 130 131 135 140 141 142 143 152 163 164 165 167 168 175 176 177 178 179 183 185 186 187 188 189 190 201
5951 string 204 205 207 210 238 246 250 267
5951 u64 132 145 146 147 180 181 249 252 253
5951 u8 134 173 174 193 214 251
5951 milliseconds 136
5951 u16 144 202 208 219 220 235 237 240 261 262 263 264
5951 octets 192 200 248
5951 ipv4 203
5951 seconds 209 223 224 239 241 242 254 255
6876 u8 880 889
6876 ipv4 881 882
6876 ipv6 883 884
6876 u16 886 887 888 890
25461 string 56701 56702`;

const byKey = new Map<number, ElementType>(
  TABLE.trim()
    .split('\n')
    .flatMap((line) => {
      const [pen, type, ...ids] = line.split(' ');
      return ids.map((id): [number, ElementType] => [elementKey(Number(pen), Number(id)), type as ElementType]);
    }),
);

/** Type of an element of an enterprise; undefined where none is documented. */
export function vendorType(pen: number, id: number): ElementType | undefined {
  return byKey.get(elementKey(pen, id));
}
