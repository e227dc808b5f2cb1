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
  | 'i32'
  | 'float64'
  | 'bool'
  | 'ipv4'
  | 'ipv6'
  | 'mac'
  | 'string'
  | 'octets'
  /** RFC 6759: an octet for the engine, then the number it gave. */
  | 'application'
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
95 applicationId application
96 applicationName string
98 postIpDiffServCodePoint u8
99 multicastReplicationFactor u32
100 className string
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
211 collectorIPv4Address ipv4
212 collectorIPv6Address ipv6
213 exportInterface u32
214 exportProtocolVersion u8
215 exportTransportProtocol u8
216 collectorTransportPort u16
217 exporterTransportPort u16
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
247 metroEvcId string
248 metroEvcType u8
249 pseudoWireId u32
250 pseudoWireType u16
251 pseudoWireControlWord u32
252 ingressPhysicalInterface u32
253 egressPhysicalInterface u32
254 postDot1qVlanId u16
255 postDot1qCustomerVlanId u16
256 ethernetType u16
257 postIpPrecedence u8
258 collectionTimeMilliseconds milliseconds
259 exportSctpStreamId u16
260 maxExportSeconds seconds
261 maxFlowEndSeconds seconds
262 messageMD5Checksum octets
263 messageScope u8
264 minExportSeconds seconds
265 minFlowStartSeconds seconds
266 opaqueOctets octets
267 sessionScope u8
268 maxFlowEndMicroseconds microseconds
269 maxFlowEndMilliseconds milliseconds
270 maxFlowEndNanoseconds nanoseconds
271 minFlowStartMicroseconds microseconds
272 minFlowStartMilliseconds milliseconds
273 minFlowStartNanoseconds nanoseconds
274 collectorCertificate octets
275 exporterCertificate octets
276 dataRecordsReliability bool
277 observationPointType u8
278 newConnectionDeltaCount u32
279 connectionSumDurationSeconds u64
280 connectionTransactionId u64
281 postNATSourceIPv6Address ipv6
282 postNATDestinationIPv6Address ipv6
283 natPoolId u32
284 natPoolName string
285 anonymizationFlags u16
286 anonymizationTechnique u16
287 informationElementIndex u16
288 p2pTechnology string
289 tunnelTechnology string
290 encryptedTechnology string
291 basicList list
292 subTemplateList list
293 subTemplateMultiList list
294 bgpValidityState u8
295 IPSecSPI u32
296 greKey u32
297 natType u8
298 initiatorPackets u64
299 responderPackets u64
300 observationDomainName string
301 selectionSequenceId u64
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
317 mplsPayloadPacketSection octets
318 selectorIdTotalPktsObserved u64
319 selectorIdTotalPktsSelected u64
320 absoluteError float64
321 relativeError float64
322 observationTimeSeconds seconds
323 observationTimeMilliseconds milliseconds
324 observationTimeMicroseconds microseconds
325 observationTimeNanoseconds nanoseconds
326 digestHashValue u64
327 hashIPPayloadOffset u64
328 hashIPPayloadSize u64
329 hashOutputRangeMin u64
330 hashOutputRangeMax u64
331 hashSelectedRangeMin u64
332 hashSelectedRangeMax u64
333 hashDigestOutput bool
334 hashInitialiserValue u64
335 selectorName string
336 upperCILimit float64
337 lowerCILimit float64
338 confidenceLevel float64
339 informationElementDataType u8
340 informationElementDescription string
341 informationElementName string
342 informationElementRangeBegin u64
343 informationElementRangeEnd u64
344 informationElementSemantics u8
345 informationElementUnits u16
346 privateEnterpriseNumber u32
347 virtualStationInterfaceId octets
348 virtualStationInterfaceName string
349 virtualStationUUID octets
350 virtualStationName string
351 layer2SegmentId u64
352 layer2OctetDeltaCount u64
353 layer2OctetTotalCount u64
354 ingressUnicastPacketTotalCount u64
355 ingressMulticastPacketTotalCount u64
356 ingressBroadcastPacketTotalCount u64
357 egressUnicastPacketTotalCount u64
358 egressBroadcastPacketTotalCount u64
359 monitoringIntervalStartMilliSeconds milliseconds
360 monitoringIntervalEndMilliSeconds milliseconds
361 portRangeStart u16
362 portRangeEnd u16
363 portRangeStepSize u16
364 portRangeNumPorts u16
365 staMacAddress mac
366 staIPv4Address ipv4
367 wtpMacAddress mac
368 ingressInterfaceType u32
369 egressInterfaceType u32
370 rtpSequenceNumber u16
371 userName string
372 applicationCategoryName string
373 applicationSubCategoryName string
374 applicationGroupName string
375 originalFlowsPresent u64
376 originalFlowsInitiated u64
377 originalFlowsCompleted u64
378 distinctCountOfSourceIPAddress u64
379 distinctCountOfDestinationIPAddress u64
380 distinctCountOfSourceIPv4Address u32
381 distinctCountOfDestinationIPv4Address u32
382 distinctCountOfSourceIPv6Address u64
383 distinctCountOfDestinationIPv6Address u64
384 valueDistributionMethod u8
385 rfc3550JitterMilliseconds u32
386 rfc3550JitterMicroseconds u32
387 rfc3550JitterNanoseconds u32
388 dot1qDEI bool
389 dot1qCustomerDEI bool
390 flowSelectorAlgorithm u16
391 flowSelectedOctetDeltaCount u64
392 flowSelectedPacketDeltaCount u64
393 flowSelectedFlowDeltaCount u64
394 selectorIDTotalFlowsObserved u64
395 selectorIDTotalFlowsSelected u64
396 samplingFlowInterval u64
397 samplingFlowSpacing u64
398 flowSamplingTimeInterval u64
399 flowSamplingTimeSpacing u64
400 hashFlowDomain u16
401 transportOctetDeltaCount u64
402 transportPacketDeltaCount u64
403 originalExporterIPv4Address ipv4
404 originalExporterIPv6Address ipv6
405 originalObservationDomainId u32
406 intermediateProcessId u32
407 ignoredDataRecordTotalCount u64
408 dataLinkFrameType u16
409 sectionOffset u16
410 sectionExportedOctets u16
411 dot1qServiceInstanceTag octets
412 dot1qServiceInstanceId u32
413 dot1qServiceInstancePriority u8
414 dot1qCustomerSourceMacAddress mac
415 dot1qCustomerDestinationMacAddress mac
417 postLayer2OctetDeltaCount u64
418 postMCastLayer2OctetDeltaCount u64
420 postLayer2OctetTotalCount u64
421 postMCastLayer2OctetTotalCount u64
422 minimumLayer2TotalLength u64
423 maximumLayer2TotalLength u64
424 droppedLayer2OctetDeltaCount u64
425 droppedLayer2OctetTotalCount u64
426 ignoredLayer2OctetTotalCount u64
427 notSentLayer2OctetTotalCount u64
428 layer2OctetDeltaSumOfSquares u64
429 layer2OctetTotalSumOfSquares u64
430 layer2FrameDeltaCount u64
431 layer2FrameTotalCount u64
432 pseudoWireDestinationIPv4Address ipv4
433 ignoredLayer2FrameTotalCount u64
434 mibObjectValueInteger i32
435 mibObjectValueOctetString octets
436 mibObjectValueOID octets
437 mibObjectValueBits octets
438 mibObjectValueIPAddress ipv4
439 mibObjectValueCounter u64
440 mibObjectValueGauge u32
441 mibObjectValueTimeTicks u32
442 mibObjectValueUnsigned u32
443 mibObjectValueTable list
444 mibObjectValueRow list
445 mibObjectIdentifier octets
446 mibSubIdentifier u32
447 mibIndexIndicator u64
448 mibCaptureTimeSemantics u8
449 mibContextEngineID octets
450 mibContextName string
451 mibObjectName string
452 mibObjectDescription string
453 mibObjectSyntax string
454 mibModuleName string
455 mobileIMSI string
456 mobileMSISDN string
457 httpStatusCode u16
458 sourceTransportPortsLimit u16
459 httpRequestMethod string
460 httpRequestHost string
461 httpRequestTarget string
462 httpMessageVersion string
463 natInstanceID u32
464 internalAddressRealm octets
465 externalAddressRealm octets
466 natQuotaExceededEvent u32
467 natThresholdEvent u32
468 httpUserAgent string
469 httpContentType string
470 httpReasonPhrase string
471 maxSessionEntries u32
472 maxBIBEntries u32
473 maxEntriesPerUser u32
474 maxSubscribers u32
475 maxFragmentsPendingReassembly u32
476 addressPoolHighThreshold u32
477 addressPoolLowThreshold u32
478 addressPortMappingHighThreshold u32
479 addressPortMappingLowThreshold u32
480 addressPortMappingPerUserHighThreshold u32
481 globalAddressMappingHighThreshold u32
482 vpnIdentifier octets
483 bgpCommunity u32
484 bgpSourceCommunityList list
485 bgpDestinationCommunityList list
486 bgpExtendedCommunity octets
487 bgpSourceExtendedCommunityList list
488 bgpDestinationExtendedCommunityList list
489 bgpLargeCommunity octets
490 bgpSourceLargeCommunityList list
491 bgpDestinationLargeCommunityList list
492 srhFlagsIPv6 u8
493 srhTagIPv6 u16
494 srhSegmentIPv6 ipv6
495 srhActiveSegmentIPv6 ipv6
496 srhSegmentIPv6BasicList list
497 srhSegmentIPv6ListSection octets
498 srhSegmentsIPv6Left u8
499 srhIPv6Section octets
500 srhIPv6ActiveSegmentType u8
501 srhSegmentIPv6LocatorLength u8
502 srhSegmentIPv6EndpointBehavior u16
503 transportChecksum u16
504 icmpHeaderPacketSection octets
505 gtpuFlags u8
506 gtpuMsgType u8
507 gtpuTEid u32
508 gtpuSequenceNum u16
509 gtpuQFI u8
510 gtpuPduType u8
511 bgpSourceAsPathList list
512 bgpDestinationAsPathList list
513 ipv6ExtensionHeaderType u8
514 ipv6ExtensionHeaderCount u8
515 ipv6ExtensionHeadersFull octets
516 ipv6ExtensionHeaderTypeCountList list
517 ipv6ExtensionHeadersLimit bool
518 ipv6ExtensionHeadersChainLength u32
519 ipv6ExtensionHeaderChainLengthList list
520 tcpOptionsFull octets
521 tcpSharedOptionExID16 u16
522 tcpSharedOptionExID32 u32
523 tcpSharedOptionExID16List list
524 tcpSharedOptionExID32List list
525 udpSafeOptions octets
526 udpUnsafeOptions u64
527 udpExID u16
528 udpSafeExIDList list
529 udpUnsafeExIDList list`;

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
