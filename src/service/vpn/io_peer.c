#include "os/clock.h"
#include "os/log.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_vpn.h"

#include <stdio.h>
#include <stdlib.h>

const char *vpn_origin_name(enum vpn_origin origin)
{
	static const char *const names[] = {
		[VPN_ORIGIN_CONFIG] = "configuration",
		[VPN_ORIGIN_STORE] = "store",
		[VPN_ORIGIN_UAPI] = "wg",
	};
	return names[origin];
}

uint64_t vpn_now_ms(void)
{
	return clock_ageing_us() / 1000 + 1;
}

struct vpn_interface *vpn_interface_find(struct vpn *v, const char *name)
{
	for (size_t i = 0; i < v->interfaces_n; i++)
		if (strcmp(v->interfaces[i].name, name) == 0)
			return &v->interfaces[i];
	return NULL;
}

struct vpn_peer *vpn_peer_find(struct vpn *v, const char *name, struct vpn_interface **ret_of)
{
	for (size_t i = 0; i < v->interfaces_n; i++)
		for (struct vpn_peer *p = NULL;
		     (p = vpn_engine_next_peer(v->interfaces[i].engine, p));)
			if (strcmp(p->name, name) == 0) {
				*ret_of = &v->interfaces[i];
				return p;
			}
	return NULL;
}

/* --- what we keep ----------------------------------------------------------------------------- */

static void who_free(char **who, size_t n)
{
	for (size_t i = 0; who && i < n; i++)
		free(who[i]);
	free(who);
}

static enum err who_new(const struct vpn_peer_setting *s, char ***ret)
{
	size_t n = s->users_n + s->roles_n;
	char **who = n ? calloc(n, sizeof(*who)) : NULL;
	if (n && !who)
		return ENOMEM;
	for (size_t i = 0; i < n; i++) {
		who[i] = strdup(i < s->users_n ? s->users[i] : s->roles[i - s->users_n]);
		if (!who[i]) {
			who_free(who, n);
			return ENOMEM;
		}
	}
	*ret = who;
	return OK;
}

void vpn_peer_gone(struct vpn_peer *peer)
{
	struct vpn_own *own = TAKE(peer->owner);
	if (!own)
		return;
	peer->rules.reach = NULL;
	gate_rules_free(own->reach);
	who_free(own->who, own->users_n + own->roles_n);
	free(own);
}

/* The engines' time of a moment, 0 for never; at least 1, as a date may be long over. */
static uint64_t engine_time(int64_t wall_s, uint64_t now_ms)
{
	if (wall_s == 0)
		return 0;
	int64_t left_ms = wall_s * 1000 - (int64_t)clock_wall_ms();
	if (left_ms <= 0 && (uint64_t)-left_ms >= now_ms)
		return 1;
	return now_ms + (uint64_t)left_ms;
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool allows_the_same(const struct vpn_peer *p, const struct vpn_peer_setting *s)
{
	size_t i = 0;
	for (const struct vpn_allowed *a = p->allowed; a; a = a->next, i++)
		if (i >= s->allowed_n || !ip_prefix_equal(&a->prefix, &s->allowed[i]))
			return false;
	return i == s->allowed_n;
}

static enum err allow(struct vpn_engine *e, struct vpn_peer *p, const struct vpn_peer_setting *s)
{
	if (allows_the_same(p, s))
		return OK;
	vpn_engine_disallow_all(e, p);
	for (size_t i = 0; i < s->allowed_n; i++)
		TRY(vpn_engine_allow(e, p, &s->allowed[i]));
	return OK;
}

static bool is_same_remote(const struct vpn_remote *a, const struct vpn_remote *b)
{
	return ip_endpoint_equal(&a->at, &b->at) &&
	       span_equal(dns_name_span(&a->name), dns_name_span(&b->name));
}

/* The endpoint that is written counts when it is new: a peer that moved since stays where it is. */
static void set_remote(struct vpn_interface *f, struct vpn_peer *p, const struct vpn_remote *remote)
{
	struct vpn_own *own = vpn_own_of(p);
	if (is_same_remote(&own->remote, remote))
		return;
	own->remote = *remote;
	if (remote->at.address.family)
		vpn_engine_set_endpoint(f->engine, p, &remote->at);
	own->lookup_ms = own->lookups = 0; /* a question for the name before is of no use */
	vpn_lookup_want(f->vpn, p);
}

/* Whom a peer may talk to (gate/peer.h): a hub to all, who has peer-to-peer to who has it too. */
enum { GROUP_ALL = 1, GROUP_PEERS = 2 };

static void set_gate(struct vpn_interface *f, struct vpn_peer *p, const struct vpn_peer_setting *s)
{
	struct vpn_own *own = vpn_own_of(p);
	p->rules.net = &f->net;
	p->rules.groups = GROUP_ALL | (s->to_peers ? GROUP_PEERS : 0);
	p->rules.talks = (s->hub ? GROUP_ALL : 0) | (s->to_peers ? GROUP_PEERS : 0);
	p->rules.reach = own->reach;
	if (own->up_bits != s->up_bits)
		shape_change(&p->rules.in, s->up_bits / 8);
	if (own->down_bits != s->down_bits)
		shape_change(&p->rules.out, s->down_bits / 8);
	own->up_bits = s->up_bits;
	own->down_bits = s->down_bits;
	if (p->sign_in != s->sign_in) {
		p->sign_in = s->sign_in;
		if (s->sign_in)
			gate_close(p);
		else
			gate_open(p, 0, 0, 0);
	}
}

/* What may fail is made first. */
static enum err make_own(const struct vpn_peer_setting *s, struct gate_rules **ret_reach,
			 char ***ret_who)
{
	AUTO(gate_rules_free) struct gate_rules *reach = NULL;
	if (s->reach_n)
		TRY(gate_rules_new(s->reach, s->reach_n, &reach));
	TRY(who_new(s, ret_who));
	*ret_reach = TAKE(reach);
	return OK;
}

static enum err find_or_add(struct vpn_interface *f, uint64_t now_ms,
			    const struct vpn_peer_setting *s, enum vpn_origin origin,
			    struct vpn_peer **ret)
{
	struct vpn_peer *p = vpn_engine_find_peer(f->engine, s->public_key);
	if (!p)
		TRY(vpn_engine_add_peer(f->engine, now_ms, s->public_key, &p));
	if (!p->owner) {
		struct vpn_own *own = calloc(1, sizeof(*own));
		if (!own) {
			vpn_engine_remove_peer(f->engine, p);
			return ENOMEM;
		}
		p->owner = own;
		gate_peer_init(&p->rules, &f->net);
	}
	vpn_own_of(p)->origin = origin;
	*ret = p;
	return OK;
}

static enum err put(struct vpn_interface *f, const struct vpn_peer_setting *s,
		    enum vpn_origin origin, struct vpn_peer **ret)
{
	uint64_t now_ms = vpn_now_ms();
	struct gate_rules *reach = NULL;
	struct vpn_peer *p = NULL;
	char **who = NULL;
	TRY(make_own(s, &reach, &who));
	enum err e = find_or_add(f, now_ms, s, origin, &p);
	if (e) {
		gate_rules_free(reach);
		who_free(who, s->users_n + s->roles_n);
		return e;
	}
	struct vpn_own *own = vpn_own_of(p);
	gate_rules_free(own->reach);
	who_free(own->who, own->users_n + own->roles_n);
	own->reach = reach;
	own->who = who;
	own->users_n = s->users_n;
	own->roles_n = s->roles_n;
	(void)snprintf(p->name, sizeof(p->name), "%s", s->name);
	own->expires_s = s->expires_s;
	p->expires_ms = engine_time(s->expires_s, now_ms);
	set_gate(f, p, s);
	if (memcmp(p->preshared_key, s->preshared_key, VPN_KEY_LEN) != 0)
		vpn_engine_set_preshared_key(f->engine, p, s->preshared_key);
	set_remote(f, p, &s->remote);
	*ret = p;
	return allow(f->engine, p, s);
}

enum err vpn_peer_put(struct vpn_interface *f, const struct vpn_peer_setting *s,
		      enum vpn_origin origin, struct vpn_peer **ret)
{
	struct vpn_peer *p = NULL;
	vpn_engine_begin(f->engine);
	enum err e = put(f, s, origin, &p);
	if (!e && p->keepalive_s != s->keepalive_s)
		vpn_engine_set_keepalive(f->engine, vpn_now_ms(), p, s->keepalive_s);
	if (!e && f->vpn->people)
		vpn_signin_peer(f->vpn->people, p);
	vpn_engine_end(f->engine);
	if (!e)
		*ret = p;
	return e;
}

/* --- dates ------------------------------------------------------------------------------------ */

static void date(struct vpn *v, struct vpn_interface *f, struct vpn_peer *p, uint64_t now_ms)
{
	struct vpn_own *own = vpn_own_of(p);
	p->expires_ms = engine_time(own->expires_s, now_ms);
	bool over = p->expires_ms && p->expires_ms <= now_ms;
	if (over && !own->told_expired) {
		log_notice("the peer's date is over: nothing passes to and from it",
			   LOG_TEXT("interface", f->name), LOG_TEXT("peer", p->name));
		control_event(v->life.control, "peer expired",
			      json_pack("{s:s,s:s}", "interface", f->name, "peer", p->name));
	}
	own->told_expired = over;
}

void vpn_peers_date(struct vpn *v)
{
	uint64_t now_ms = vpn_now_ms();
	for (size_t i = 0; i < v->interfaces_n; i++) {
		struct vpn_interface *f = &v->interfaces[i];
		vpn_engine_begin(f->engine);
		for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(f->engine, p));)
			if (vpn_own_of(p) && (vpn_own_of(p)->expires_s || p->expires_ms))
				date(v, f, p, now_ms);
		vpn_engine_end(f->engine);
	}
}
