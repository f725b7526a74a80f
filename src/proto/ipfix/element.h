/* Numbers of IPFIX information elements and their widths, as IANA keeps them (registry "IP Flow
 * Information Export (IPFIX) Entities"), those that a translator tells (RFC 8158 section 5). Knows
 * no message. */
#ifndef PROTO_IPFIX_ELEMENT_H
#define PROTO_IPFIX_ELEMENT_H

enum ipfix_element {
	IPFIX_PROTOCOL_IDENTIFIER = 4,			  /* 1 octet */
	IPFIX_SOURCE_TRANSPORT_PORT = 7,		  /* 2 */
	IPFIX_SOURCE_IPV4_ADDRESS = 8,			  /* 4 */
	IPFIX_DESTINATION_TRANSPORT_PORT = 11,		  /* 2 */
	IPFIX_DESTINATION_IPV4_ADDRESS = 12,		  /* 4 */
	IPFIX_POST_NAT_SOURCE_IPV4_ADDRESS = 225,	  /* 4 */
	IPFIX_POST_NAT_DESTINATION_IPV4_ADDRESS = 226,	  /* 4 */
	IPFIX_POST_NAPT_SOURCE_TRANSPORT_PORT = 227,	  /* 2 */
	IPFIX_POST_NAPT_DESTINATION_TRANSPORT_PORT = 228, /* 2 */
	IPFIX_NAT_ORIGINATING_ADDRESS_REALM = 229,	  /* 1: enum ipfix_realm */
	IPFIX_NAT_EVENT = 230,				  /* 1: enum ipfix_nat_event */
	IPFIX_INITIATOR_OCTETS = 231,			  /* 8 */
	IPFIX_RESPONDER_OCTETS = 232,			  /* 8 */
	IPFIX_OBSERVATION_TIME_MILLISECONDS = 323,	  /* 8: since 1970 */
	IPFIX_PORT_RANGE_START = 361,			  /* 2 */
	IPFIX_PORT_RANGE_END = 362,			  /* 2: belongs to the range */
	IPFIX_NAT_QUOTA_EXCEEDED_EVENT = 466,		  /* 4: enum ipfix_nat_quota */
};

/* Where a session began. */
enum ipfix_realm { IPFIX_REALM_PRIVATE = 1, IPFIX_REALM_PUBLIC = 2 };

/* RFC 8158 4.3, table 24. BIB: a mapping. */
enum ipfix_nat_event {
	IPFIX_NAT44_SESSION_CREATE = 4,
	IPFIX_NAT44_SESSION_DELETE = 5,
	IPFIX_NAT44_BIB_CREATE = 8,
	IPFIX_NAT44_BIB_DELETE = 9,
	IPFIX_NAT_PORTS_EXHAUSTED = 12,
	IPFIX_NAT_QUOTA_EXCEEDED = 13,
	IPFIX_NAT_PORT_BLOCK_ALLOCATION = 16,
	IPFIX_NAT_PORT_BLOCK_DEALLOCATION = 17,
};

/* RFC 8158 4.3, table 22. */
enum ipfix_nat_quota {
	IPFIX_QUOTA_SESSIONS = 1,
	IPFIX_QUOTA_BIBS = 2,
	IPFIX_QUOTA_ENTRIES_PER_USER = 3,
};

#endif
