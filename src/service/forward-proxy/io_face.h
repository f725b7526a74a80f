/* The steps of a request and the parts of what else the core asks (proxy/face.h), a file each.
 * Knows no configuration file; all of it runs in a worker's thread and never waits.
 */
#ifndef FORWARD_PROXY_IO_FACE_H
#define FORWARD_PROXY_IO_FACE_H

#include "proxy/auth/io_auth.h"
#include "proxy/cache/io_cache.h"
#include "proxy/exchange.h"
#include "proxy/face.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/io_exchange.h"
#include "service/forward-proxy/io_worker.h"

struct dns_name;
struct policy;

/* What the core asks; arg is the worker. Its file has the order of the steps. */
extern const struct proxy_face forward_face;

/* Is he among those who may use the proxy, and is where he came in still served? */
bool forward_may_come(const struct forward_view *v, const struct proxy_connection *c);

/* What a step came to. */
enum forward_step {
	FORWARD_STEP_ON,       /* to the next one */
	FORWARD_STEP_WAIT,     /* until proxy_exchange_resume; then this step again */
	FORWARD_STEP_ANSWERED, /* x->response and *ret answer */
};

/* io_target.c: what is asked for: kind and to; Host, Via and the like are set for whoever gets the
 * request. */
enum forward_step forward_read_target(struct forward_exchange *e, struct proxy_verdict *ret);
/* The host of `to` as there is one spelling of it, in e->host, and all of it as the authority that
 * is sent on. False: no memory. */
bool forward_authority_set(struct forward_exchange *e);
enum forward_step forward_count_hops(struct forward_exchange *e, struct proxy_verdict *ret);
enum forward_step forward_edit_request(struct forward_exchange *e, struct proxy_verdict *ret);
/* What the client gets of an origin's answer, or of the cache's. */
void forward_edit_answer(struct forward_exchange *e);

/* io_transparent.c: of a connection that was taken on its way elsewhere. */
bool forward_is_taken(const struct forward_exchange *e);
/* What it asks for, in the place of forward_read_target's own reading: `to` as it is claimed. */
enum forward_step forward_read_claim(struct forward_exchange *e, struct proxy_verdict *ret);
/* Whether it may go on by what it claims; and from then on by that only if it is true. */
enum forward_step forward_check_claim(struct forward_exchange *e, struct proxy_verdict *ret);

/* Of TLS likewise: its ClientHello is read. */
enum forward_step forward_read_hello(struct forward_exchange *e, struct proxy_verdict *ret);

/* Of a request inside a tunnel that is inspected. */
enum forward_step forward_read_inside(struct forward_exchange *e, struct proxy_verdict *ret);

/* io_pages.c: what is asked of ourselves. */
enum forward_step forward_own_page(struct forward_exchange *e, struct proxy_verdict *ret);

/* io_lead.c: by whom: the entry of `upstreams`, its servers. */
/* For that place, as it is written; NULL: directly. */
const struct upstream *forward_upstream_to(const struct forward_site *site,
					   const struct destination *to);
enum forward_step forward_choose_way(struct forward_exchange *e, struct proxy_verdict *ret);
/* With e->upstream: a server and where it is. It may have become direct when that is ON. */
enum forward_step forward_find_upstream(struct forward_exchange *e, struct proxy_verdict *ret);
/* All addresses were given up. ON: there are others, or nothing is left to do. */
enum forward_step forward_lead_again(struct forward_exchange *e, struct proxy_verdict *ret);
/* proxy_face.opened. */
void forward_opened(void *arg, struct proxy_exchange *x);
/* It does not take our password: its answer says so. */
void forward_upstream_declined(struct forward_exchange *e);
/* It had another answer. */
void forward_upstream_answered(struct forward_exchange *e);
/* e->server is given up. */
void forward_server_leave(struct forward_exchange *e);
/* The hop to e->server was left. */
void forward_lead_left(struct forward_exchange *e, enum proxy_cause cause);

/* io_destination.c: where it is gone to: what it asks for, but of requests in a tunnel that leads
 * elsewhere. */
const struct destination *forward_place(const struct forward_exchange *e);
/* Of a place with a name: that, or the one that is gone to in its stead. */
struct span forward_place_name(const struct forward_exchange *e);
/* May that host and port be gone to, as written; its addresses; may they. */
enum forward_step forward_judge_written(struct forward_exchange *e, struct proxy_verdict *ret);
enum forward_step forward_resolve(struct forward_exchange *e, struct proxy_verdict *ret);
enum forward_step forward_judge_addresses(struct forward_exchange *e, struct proxy_verdict *ret);
/* What the latter says of these: INSIDE_NOT: they may be gone to. */
enum inside forward_judge_found(struct forward_worker *w, const struct forward_site *site,
				const struct ip_address *found, size_t n);
/* io_rules.c: who it is, by its credentials; what the rules say, once before and once after the
 * addresses are known. */
/* May a password be asked for? tls: the connection will have it. */
bool forward_may_sign_in(const struct forward_site *site, const struct proxy_connection *c,
			 bool tls);
/* Of one of the tunnels' users who has signed in: is that still the same one? True of others. */
bool forward_people_stay(const struct forward_exchange *e);
/* Of FORWARD_SIGN_IN: that, and the answer. */
enum forward_step forward_sign_in_alone(struct forward_exchange *e, struct proxy_verdict *ret);
enum forward_step forward_sign_in(struct forward_exchange *e, struct proxy_verdict *ret);
enum forward_step forward_judge_rules(struct forward_exchange *e, struct proxy_verdict *ret);
/* May it be asked for inside the tunnel, wherever that leads? *ret: which rule says no. */
bool forward_rules_let(struct forward_exchange *e, const struct destination *to, struct span *ret);
/* Are these rules, about whom and when alone, met? */
bool forward_rules_fit(const struct forward_exchange *e, const struct access_rules *rules);
/* io_policy.c: what the site's policy says of the host, and of the path where it is seen. */
enum forward_step forward_judge_policy(struct forward_exchange *e, struct proxy_verdict *ret);
/* As the policy knows the host: its name, or what stands for its address. */
bool forward_policy_name(const struct destination *to, struct dns_name *ret);
/* As above; *ret: which list. */
bool forward_policy_lets(struct forward_exchange *e, const struct destination *to,
			 struct span *ret);

/* io_answers.c: may x->response reach the client? whole: its octets; ANSWERS_ANY_SIZE: as its head
 * says. False: *ret, and x->response, say why not. */
bool forward_answer_passes(struct forward_exchange *e, uint64_t whole, struct proxy_verdict *ret);

/* io_tunnel.c: what is asked for inside a tunnel. Is that to be looked at? */
bool forward_looks_into(const struct forward_exchange *e);
enum proxy_first forward_first_bytes(void *arg, struct proxy_exchange *x, struct span bytes,
				     bool last);

/* Is the ClientHello of a connection that was taken whole, or surely none? */
bool forward_opening(void *arg, const struct proxy_connection *c, struct span bytes);

/* io_pace.c: how fast its octets may move, and how many at all. */
enum forward_step forward_limit(struct forward_exchange *e, struct proxy_verdict *ret);
/* By what is in force now, where that is another than before: quotas, their numbers, limits. False:
 * there is no room to count, and it must end; *ret is the enum refusal, and it is counted. */
bool forward_limit_anew(struct forward_exchange *e, unsigned *ret);
/* Of an exchange whose octets are datagrams; anew after a reload. ERR_LIMIT, ENOMEM. */
MUST enum err forward_limit_datagrams(struct forward_exchange *e);
/* May one of so many octets go that way? Then it is counted. */
bool forward_datagram_may(struct forward_exchange *e, enum bandwidth_direction way, size_t n);
/* Nothing is drawn from any more; after the heads have been counted. */
void forward_pace_leave(struct forward_exchange *e);

/* io_spent.c: has a quota been used up that refuses? Then e->refusal and the rest says so. */
bool forward_is_spent(const struct forward_exchange *e);
enum forward_step forward_refuse_spent(struct forward_exchange *e, struct proxy_verdict *ret);
/* For the log: it was cut for that. */
void forward_tell_spent(struct forward_exchange *e);
/* Which one; NULL: none. */
const struct quota *forward_spent(const struct forward_exchange *e, uint64_t *ret_ends_s);

/* io_rules.c: what the site's policy says of the client's groups; for access_facts. */
struct forward_membership {
	const struct policy *policy; /* NULL: there is none */
	uint64_t groups;
};
/* Bits, by who is at the client's address and who has signed in. */
uint64_t forward_groups_of(const struct forward_exchange *e, const struct policy_held *held);
struct forward_membership forward_membership_of(const struct forward_exchange *e);
enum access_member forward_member(const void *arg, const char *group);
/* All that rules may ask, but for the path; groups live as long as *ret. */
void forward_facts(const struct forward_exchange *e, const struct destination *to,
		   const struct forward_membership *groups, struct access_facts *ret);
/* The path as the rules see it. False: it is not seen. */
bool forward_readings(const struct forward_exchange *e, struct policy_readings *ret);
/* "rule 3" or "otherwise", in the store. */
struct span forward_rule_word(const struct forward_exchange *e, const struct access_rule *rule);

/* The call of auth_desk_take; who: the exchange. */
void forward_hashed(void *arg, void *who, enum auth_proof proof);
/* It is over, and waits no more. */
void forward_sign_in_leave(struct forward_exchange *e);

/* The told of io_names.h. */
void forward_name_told(void *arg, struct name_waiter *w);

/* io_associate.c: the client's datagrams, for as long as its connection lasts. */
enum forward_step forward_associate(struct forward_exchange *e, struct proxy_verdict *ret);
/* After a reload or another policy: it goes on by that, or is over, and e gone. */
void forward_associate_review(struct forward_exchange *e);
/* The address of a name that a datagram waited for. */
void forward_associate_told(struct forward_exchange *e);

/* io_cached.c: is what would come back here already; proxy/cache/ keeps it. */
enum forward_step forward_ask_cache(struct forward_exchange *e, struct proxy_verdict *ret);
extern const struct proxy_cache_edits forward_cached_edits;

/* io_pick.c */
enum proxy_pick forward_pick(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
			     struct proxy_verdict *ret);
/* The way to those addresses of e that were not given up, in use until origins_leave. NULL: there
 * is none, or no room. */
struct origin *forward_way(const struct forward_exchange *e);
void forward_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
		  enum proxy_cause cause);
void forward_hop_empty(void *arg, struct proxy_hop *hop);

/* io_answer.c: x->response and *ret say why it goes nowhere. detail: a word more, static, or
 * empty. ret NULL: a datagram, of which it is only counted. */
enum forward_step forward_refuse(struct forward_exchange *e, enum refusal why, struct span detail,
				 struct proxy_verdict *ret);
/* The answer alone, of what was counted. */
enum forward_step forward_say(struct forward_exchange *e, enum refusal why, struct span detail,
			      struct proxy_verdict *ret);
/* Without the exchange's memory, and what the core says itself: x->response.status is set. */
void forward_refuse_bare(struct proxy_exchange *x, struct proxy_verdict *ret);
void forward_error(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret);

/* io_log.c: the line of an exchange that has ended. e: NULL when there was no memory for it. */
void forward_log(struct forward_worker *w, struct proxy_exchange *x,
		 const struct forward_exchange *e);

#endif
