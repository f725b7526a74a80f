/* What would happen to the first packet of a flow, step by step: the decisions of the data plane
 * for a packet without a flow, made from the tables in user space. Looks at no map: what depends on
 * flows that are there, on a full table or on a rate it says as a condition. */
#ifndef NAT_EXPLAIN_H
#define NAT_EXPLAIN_H

#include "proto/ip/address.h"
#include "service/nat/bpf/shared.h"

struct nat_conf;
struct nat_net;
struct nat_tables;

struct nat_question {
	struct ip_address src, dst; /* of one family */
	uint8_t proto;
	uint16_t sport,
		dport; /* host order; ICMP: dport is type << 8 | code, sport the identifier */
	int zone;      /* where it comes in; -1: where its source belongs */
};

enum nat_step_kind {
	NAT_STEP_SOURCE,
	NAT_STEP_DESTINATION,
	NAT_STEP_FORWARD,
	NAT_STEP_RULE,
	NAT_STEP_TRANSLATION,
	NAT_STEP_VERDICT,
};

struct nat_step {
	enum nat_step_kind kind;
	uint32_t rule,
		line; /* NAT_STEP_RULE: its number, and its line of the file (0: a default) */
	bool matched; /* NAT_STEP_RULE */
	char text[256];
};

enum nat_verdict {
	NAT_VERDICT_SENT,   /* on its way, translated or routed */
	NAT_VERDICT_PASSED, /* to the machine itself */
	NAT_VERDICT_DROPPED,
	NAT_VERDICT_REJECTED,
};

const char *nat_step_name(enum nat_step_kind kind);
const char *nat_verdict_name(enum nat_verdict verdict);

enum nat_verdict nat_explain(const struct nat_conf *conf, const struct nat_net *net,
			     const struct nat_tables *t, const struct nat_question *q,
			     void (*step)(void *arg, const struct nat_step *s), void *arg);

/* As a rule sees a packet: addresses mapped, ports in host order. */
struct nat_seen {
	unsigned from, to; /* enum nat_zone */
	uint8_t src[16], dst[16];
	uint8_t proto;
	uint16_t sport, dport;
};

/* What of the rule does not match, "protocol" for one; NULL: it matches. */
const char *nat_rule_differs(const struct nat_rule *rule, const struct nat_seen *seen);

/* A rule for people: "from inside to outside, 443/tcp". Returns buf. */
const char *nat_rule_text(const struct nat_conf *conf, const struct nat_rule *rule, char *buf,
			  size_t size);

#endif
