/**
 * IPFIX information elements (IANA registry "IP Flow Information Export"): number, name and abstract data type
 * (RFC 7012 section 3.1). For names in messages and reports; which element goes to which column stands in
 * `src/flow/fields.ts`, and how it is converted in `template-fields.ts`.
 */
export type ElementType =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'float64'
  | 'bool'
  | 'ipv4'
  | 'ipv6'
  | 'mac'
  | 'string'
  | 'octets'
  | 'seconds'
  | 'milliseconds'
  | 'microseconds'
  | 'nanoseconds'
  | 'list';

export interface Element {
  readonly id: number;
  readonly name: string;
  readonly type: ElementType;
}

/** One element a line: number, name, type. */
const TABLE = `
1 octetDeltaCount u64
2 packetDeltaCount u64
3 deltaFlowCount u64
4 protocolIdentifier u8
5 ipClassOfService u8
6 tcpControlBits u16
7 sourceTransportPort u16
8 sourceIPv4Address ipv4
9 sourceIPv4PrefixLength u8
10 ingressInterface u32
11 destinationTransportPort u16
12 destinationIPv4Address ipv4
13 destinationIPv4PrefixLength u8
14 egressInterface u32
15 ipNextHopIPv4Address ipv4
16 bgpSourceAsNumber u32
17 bgpDestinationAsNumber u32
18 bgpNextHopIPv4Address ipv4
19 postMCastPacketDeltaCount u64
20 postMCastOctetDeltaCount u64
21 flowEndSysUpTime u32
22 flowStartSysUpTime u32
23 postOctetDeltaCount u64
24 postPacketDeltaCount u64
25 minimumIpTotalLength u64
26 maximumIpTotalLength u64
27 sourceIPv6Address ipv6
28 destinationIPv6Address ipv6
29 sourceIPv6PrefixLength u8
30 destinationIPv6PrefixLength u8
31 flowLabelIPv6 u32
32 icmpTypeCodeIPv4 u16
33 igmpType u8
34 samplingInterval u32
35 samplingAlgorithm u8
36 flowActiveTimeout u16
37 flowIdleTimeout u16
38 engineType u8
39 engineId u8
40 exportedOctetTotalCount u64
41 exportedMessageTotalCount u64
42 exportedFlowRecordTotalCount u64
43 ipv4RouterSc ipv4
44 sourceIPv4Prefix ipv4
45 destinationIPv4Prefix ipv4
46 mplsTopLabelType u8
47 mplsTopLabelIPv4Address ipv4
48 samplerId u8
49 samplerMode u8
50 samplerRandomInterval u32
51 classId u8
52 minimumTTL u8
53 maximumTTL u8
54 fragmentIdentification u32
55 postIpClassOfService u8
56 sourceMacAddress mac
57 postDestinationMacAddress mac
58 vlanId u16
59 postVlanId u16
60 ipVersion u8
61 flowDirection u8
62 ipNextHopIPv6Address ipv6
63 bgpNextHopIPv6Address ipv6
64 ipv6ExtensionHeaders u32
70 mplsTopLabelStackSection octets
71 mplsLabelStackSection2 octets
72 mplsLabelStackSection3 octets
73 mplsLabelStackSection4 octets
74 mplsLabelStackSection5 octets
75 mplsLabelStackSection6 octets
76 mplsLabelStackSection7 octets
77 mplsLabelStackSection8 octets
78 mplsLabelStackSection9 octets
79 mplsLabelStackSection10 octets
80 destinationMacAddress mac
81 postSourceMacAddress mac
82 interfaceName string
83 interfaceDescription string
84 samplerName string
85 octetTotalCount u64
86 packetTotalCount u64
87 flagsAndSamplerId u32
88 fragmentOffset u16
89 forwardingStatus u32
90 mplsVpnRouteDistinguisher octets
91 mplsTopLabelPrefixLength u8
92 srcTrafficIndex u32
93 dstTrafficIndex u32
94 applicationDescription string
95 applicationId octets
96 applicationName string
98 postIpDiffServCodePoint u8
99 multicastReplicationFactor u32
101 classificationEngineId u8
102 layer2packetSectionOffset u16
103 layer2packetSectionSize u16
104 layer2packetSectionData octets
128 bgpNextAdjacentAsNumber u32
129 bgpPrevAdjacentAsNumber u32
130 exporterIPv4Address ipv4
131 exporterIPv6Address ipv6
132 droppedOctetDeltaCount u64
133 droppedPacketDeltaCount u64
134 droppedOctetTotalCount u64
135 droppedPacketTotalCount u64
136 flowEndReason u8
137 commonPropertiesId u64
138 observationPointId u64
139 icmpTypeCodeIPv6 u16
140 mplsTopLabelIPv6Address ipv6
141 lineCardId u32
142 portId u32
143 meteringProcessId u32
144 exportingProcessId u32
145 templateId u16
146 wlanChannelId u8
147 wlanSSID string
148 flowId u64
149 observationDomainId u32
150 flowStartSeconds seconds
151 flowEndSeconds seconds
152 flowStartMilliseconds milliseconds
153 flowEndMilliseconds milliseconds
154 flowStartMicroseconds microseconds
155 flowEndMicroseconds microseconds
156 flowStartNanoseconds nanoseconds
157 flowEndNanoseconds nanoseconds
158 flowStartDeltaMicroseconds u32
159 flowEndDeltaMicroseconds u32
160 systemInitTimeMilliseconds milliseconds
161 flowDurationMilliseconds u32
162 flowDurationMicroseconds u32
163 observedFlowTotalCount u64
164 ignoredPacketTotalCount u64
165 ignoredOctetTotalCount u64
166 notSentFlowTotalCount u64
167 notSentPacketTotalCount u64
168 notSentOctetTotalCount u64
169 destinationIPv6Prefix ipv6
170 sourceIPv6Prefix ipv6
171 postOctetTotalCount u64
172 postPacketTotalCount u64
173 flowKeyIndicator u64
174 postMCastPacketTotalCount u64
175 postMCastOctetTotalCount u64
176 icmpTypeIPv4 u8
177 icmpCodeIPv4 u8
178 icmpTypeIPv6 u8
179 icmpCodeIPv6 u8
180 udpSourcePort u16
181 udpDestinationPort u16
182 tcpSourcePort u16
183 tcpDestinationPort u16
184 tcpSequenceNumber u32
185 tcpAcknowledgementNumber u32
186 tcpWindowSize u16
187 tcpUrgentPointer u16
188 tcpHeaderLength u8
189 ipHeaderLength u8
190 totalLengthIPv4 u16
191 payloadLengthIPv6 u16
192 ipTTL u8
193 nextHeaderIPv6 u8
194 mplsPayloadLength u32
195 ipDiffServCodePoint u8
196 ipPrecedence u8
197 fragmentFlags u8
198 octetDeltaSumOfSquares u64
199 octetTotalSumOfSquares u64
200 mplsTopLabelTTL u8
201 mplsLabelStackLength u32
202 mplsLabelStackDepth u32
203 mplsTopLabelExp u8
204 ipPayloadLength u32
205 udpMessageLength u16
206 isMulticast u8
207 ipv4IHL u8
208 ipv4Options u32
209 tcpOptions u64
210 paddingOctets octets
218 tcpSynTotalCount u64
219 tcpFinTotalCount u64
220 tcpRstTotalCount u64
221 tcpPshTotalCount u64
222 tcpAckTotalCount u64
223 tcpUrgTotalCount u64
224 ipTotalLength u64
225 postNATSourceIPv4Address ipv4
226 postNATDestinationIPv4Address ipv4
227 postNAPTSourceTransportPort u16
228 postNAPTDestinationTransportPort u16
229 natOriginatingAddressRealm u8
230 natEvent u8
231 initiatorOctets u64
232 responderOctets u64
233 firewallEvent u8
234 ingressVRFID u32
235 egressVRFID u32
236 VRFname string
237 postMplsTopLabelExp u8
238 tcpWindowScale u16
239 biflowDirection u8
240 ethernetHeaderLength u8
241 ethernetPayloadLength u16
242 ethernetTotalLength u16
243 dot1qVlanId u16
244 dot1qPriority u8
245 dot1qCustomerVlanId u16
246 dot1qCustomerPriority u8
252 ingressPhysicalInterface u32
253 egressPhysicalInterface u32
254 postDot1qVlanId u16
255 postDot1qCustomerVlanId u16
256 ethernetType u16
258 collectionTimeMilliseconds milliseconds
276 dataRecordsReliability bool
281 postNATSourceIPv6Address ipv6
282 postNATDestinationIPv6Address ipv6
283 natPoolId u32
284 natPoolName string
291 basicList list
292 subTemplateList list
293 subTemplateMultiList list
298 initiatorPackets u64
299 responderPackets u64
302 selectorId u64
303 informationElementId u16
304 selectorAlgorithm u16
305 samplingPacketInterval u32
306 samplingPacketSpace u32
307 samplingTimeInterval u32
308 samplingTimeSpace u32
309 samplingSize u32
310 samplingPopulation u32
311 samplingProbability float64
312 dataLinkFrameSize u16
313 ipHeaderPacketSection octets
314 ipPayloadPacketSection octets
315 dataLinkFrameSection octets
316 mplsLabelStackSection octets
318 selectorIdTotalPktsObserved u64
319 selectorIdTotalPktsSelected u64
322 observationTimeSeconds seconds
323 observationTimeMilliseconds milliseconds
324 observationTimeMicroseconds microseconds
325 observationTimeNanoseconds nanoseconds
335 selectorName string
339 informationElementDataType u8
340 informationElementDescription string
341 informationElementName string
342 informationElementRangeBegin u64
343 informationElementRangeEnd u64
344 informationElementSemantics u8
345 informationElementUnits u16
346 privateEnterpriseNumber u32
351 layer2SegmentId u64
352 layer2OctetDeltaCount u64
353 layer2OctetTotalCount u64
361 portRangeStart u16
362 portRangeEnd u16
363 portRangeStepSize u16
364 portRangeNumPorts u16
365 staMacAddress mac
366 staIPv4Address ipv4
367 wtpMacAddress mac
368 ingressInterfaceType u32
369 egressInterfaceType u32
371 userName string
403 originalExporterIPv4Address ipv4
404 originalExporterIPv6Address ipv6
408 dataLinkFrameType u16
409 sectionOffset u16
410 sectionExportedOctets u16
483 bgpCommunity u32
484 bgpSourceCommunityList list
485 bgpDestinationCommunityList list
486 bgpExtendedCommunity octets
487 bgpSourceExtendedCommunityList list
488 bgpDestinationExtendedCommunityList list
489 bgpLargeCommunity octets
490 bgpSourceLargeCommunityList list
491 bgpDestinationLargeCommunityList list`;

const byId = new Map<number, Element>(
  TABLE.trim()
    .split('\n')
    .map((line) => {
      const [id, name, type] = line.split(' ');
      return [Number(id), { id: Number(id), name: name!, type: type as ElementType }];
    }),
);

/** Every element known by name, in ascending order. */
export const elements: readonly Element[] = [...byId.values()];

/** The IANA element of this number; undefined when weir has no name for it. */
export function elementById(id: number): Element | undefined {
  return byId.get(id);
}

const byName = new Map(elements.map((element) => [element.name.toLowerCase(), element]));

/** The IANA element of this name in any case; undefined when weir has no such name. */
export function elementByName(name: string): Element | undefined {
  return byName.get(name.toLowerCase());
}

/** Name for people: IANA's, else the number, with the enterprise before it when there is one. */
export function elementLabel(id: number, pen = 0): string {
  if (pen !== 0) return `${pen}/${id}`;
  return byId.get(id)?.name ?? String(id);
}
