/* What a resolution did, step by step, for people who want to see it. Knows how to name a step, not
 *how it is shown.
 *
 * POST /trace?name=N&type=T of the control socket answers with one JSON object a line, as it
 *happens:
 *
 *	step		number from 1
 *	depth		0: for the name that was asked; more: for the address of a server on the way
 *	kind		caching | recursive | root | tld | authoritative
 *	event		what happened: hit, miss (caching); start, restart (recursive); referral,
 *answer, cname, nodata, nxdomain, lame, failed, timeout, truncated, unreachable (a question to a
 *server) name, type	what the step is about: the question as it was sent (minimised), text and
 *for questions to a server zone		that was asked (kind recursive: of a forwarder)
 *	server		its name; absent when it is not known (forwarders, addresses in the
 *configuration) address, port	text, number transport	udp | tcp rcode		text, absent when
 *nothing came target		the zone of a referral, the name of a cname
 *	round_trip_us	absent when nothing came
 *	retransmissions	how often this question had been sent in vain before, to any server
 *	packets		that this step put on the wire over its transport: UDP 2, or 1 when nothing
 *came back, or 0 when it could not be sent; TCP 11 ttl		of what was learned, or what is left
 *of what the cache holds
 *	records		texts: OWNER TTL CLASS TYPE RDATA; for a referral its NS records; at most 32
 *
 * The last line has kind "summary": name, type, rcode, error (of RFC 8914, only after a failure),
 * answer (texts as in records), time_us, steps, cached (true: nothing was asked), packets_udp (2
 *for each exchange, one for each question that got no answer; what went over TCP counted as UDP),
 *packets_tcp (11 for each exchange: handshake 3, request, ack, response, ack, close 4), packets (as
 *they really went). */
#ifndef RESOLVER_TRACE_H
#define RESOLVER_TRACE_H

#include "proto/dns/name.h"
#include "proto/ip/address.h"

#define TRACE_TCP_PACKETS 11u /* handshake 3, request, ack, response, ack, close 4 */

enum trace_kind {
	TRACE_CACHING,
	TRACE_RECURSIVE,
	TRACE_ROOT,
	TRACE_TLD,
	TRACE_AUTHORITATIVE,
	TRACE_SUMMARY,
};

enum trace_event {
	TRACE_HIT,
	TRACE_MISS,
	TRACE_START,
	TRACE_RESTART, /* at the target of an alias */
	TRACE_REFERRAL,
	TRACE_ANSWER,
	TRACE_CNAME,
	TRACE_NODATA,
	TRACE_NXDOMAIN,
	TRACE_LAME,
	TRACE_FAILED,
	TRACE_TIMEOUT,
	TRACE_TRUNCATED,
	TRACE_UNREACHABLE,
};

struct trace_step {
	enum trace_kind kind;
	enum trace_event event;
	uint8_t depth;
	bool asked;  /* a server: zone to round_trip_us have a meaning */
	bool heard;  /* and it answered */
	bool unsent; /* the question never left this machine */
	bool tcp;
	struct dns_name name;
	uint16_t type;
	struct dns_name zone;
	struct dns_name server; /* len 0: not known */
	struct dns_name target; /* len 0: none */
	struct ip_endpoint address;
	uint16_t rcode, ede; /* ede: REPLY_EDE_NONE of reply.h, or why a summary failed */
	uint32_t round_trip_us, retransmissions, ttl_s;
	/* TRACE_SUMMARY */
	uint64_t time_us;
	uint32_t exchanges, silent, tcp_exchanges, tcp_silent;
	/* A row of packed RRsets (rrset.h), lasting for the call only. */
	struct span records;
};

const char *trace_kind_text(enum trace_kind kind);
const char *trace_event_text(enum trace_event event);

#endif
