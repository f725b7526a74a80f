#include "service/vpn/io_devices.h"

#include "base/writer.h"
#include "config/config.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "os/log.h"
#include "policy/io_devices.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_vpn.h"

#include <stdio.h>
#include <stdlib.h>

enum { BREATH_MS = 1000 };

/* Keys of what was told. */
struct keys {
	struct policy_device_key *items;
	size_t n, room;
};

struct vpn_devices {
	struct vpn *v;		 /* borrowed */
	struct devices_out *out; /* NULL: there is no policy, or no room for a table */
	struct keys told;
	struct hash_key key; /* random, of this process: users' versions are made with it */
	uint64_t sessions;   /* that came and went when it was told */
	bool follow;
	struct loop_timer breath;
};

/* --- what was told --- */

static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct policy_device_key));
}

/* Without memory it is told, and not taken back before the service starts again. */
static void keys_add(struct keys *k, const struct policy_device_key *key)
{
	if (k->n == k->room) {
		size_t room = k->room ? 2 * k->room : 64;
		struct policy_device_key *items = realloc(k->items, room * sizeof(*items));
		if (!items)
			return;
		k->items = items;
		k->room = room;
	}
	k->items[k->n++] = *key;
}

static void put(struct vpn_devices *x, struct keys *now, const struct policy_device_key *key,
		const struct policy_device *d)
{
	devices_out_put(x->out, key, d);
	keys_add(now, key);
}

/* What was told before and is not there now. */
static void remove_others(struct vpn_devices *x, const struct keys *now)
{
	for (size_t i = 0; i < x->told.n; i++)
		if (!bsearch(&x->told.items[i], now->items, now->n, sizeof(*now->items), by_octets))
			devices_out_remove(x->out, &x->told.items[i]);
}

/* --- what there is --- */

static struct vpn_peer *peer_of(const struct vpn *v, const uint8_t *key)
{
	struct vpn_peer *p = NULL;
	for (size_t i = 0; i < v->interfaces_n && !p; i++)
		p = vpn_engine_find_peer(v->interfaces[i].engine, key);
	return p;
}

/* A session that has to be proved is not at hand: nothing of its peer passes. */
static void note_sessions(const struct vpn *v)
{
	struct signin_session s;
	const struct signin *signin = vpn_signin_of(v->people);
	for (size_t at = 0; signin_session_next(signin, &at, &s);) {
		struct vpn_peer *p = peer_of(v, s.session->peer);
		if (p && p->owner && s.gate == SIGNIN_OPEN)
			vpn_own_of(p)->signed_in = s.session->user;
	}
}

static bool is_host(const struct ip_prefix *p)
{
	return p->bits == 8 * ip_address_len(&p->address);
}

static void tell_peer(struct vpn_devices *x, struct keys *now, struct vpn_peer *p)
{
	struct policy_device d = {.until_s = POLICY_DEVICE_FOREVER};
	struct vpn_own *own = p->owner;
	const char *user = own ? TAKE(own->signed_in) : NULL;
	(void)span_to_cstr(span_text(p->name), d.name, sizeof(d.name));
	if (user)
		(void)span_to_cstr(span_text(user), d.user, sizeof(d.user));
	for (const struct vpn_allowed *a = p->allowed; a; a = a->next) {
		const struct policy_device_key key = policy_device_at(&a->prefix.address);
		if (is_host(&a->prefix) && d.name[0])
			put(x, now, &key, &d);
	}
}

/* What a user may do is another thing when this is another number. */
static uint64_t version_of(const struct vpn_devices *x, const struct user *u)
{
	/* Not whether a code was verified yet: that is still the same user. */
	uint64_t parts[2] = {siphash13_of(x->key, u->password, strlen(u->password)),
			     siphash13_of(x->key, u->secret, sizeof(u->secret))};
	return siphash13_of(x->key, parts, sizeof(parts));
}

static void tell_users(struct vpn_devices *x, struct keys *now)
{
	const struct user *u;
	const struct signin *signin = vpn_signin_of(x->v->people);
	for (size_t at = 0; (u = signin_user_next(signin, &at));) {
		const struct policy_device_key key = policy_device_of_user(u->name);
		const struct policy_device d = {.until_s = POLICY_DEVICE_FOREVER,
						.version = version_of(x, u)};
		if (!u->disabled)
			put(x, now, &key, &d);
	}
}

static void tell_all(struct vpn_devices *x)
{
	const struct vpn *v = x->v;
	struct keys now = {0};
	note_sessions(v);
	for (size_t i = 0; i < v->interfaces_n; i++)
		for (struct vpn_peer *p = NULL;
		     (p = vpn_engine_next_peer(v->interfaces[i].engine, p));)
			tell_peer(x, &now, p);
	tell_users(x, &now);
	if (now.n)
		qsort(now.items, now.n, sizeof(*now.items), by_octets);
	remove_others(x, &now);
	free(x->told.items);
	x->told = now;
}

/* --- life --- */

static uint64_t sessions_moved(const struct vpn *v)
{
	struct signin_counts c;
	signin_counts(vpn_signin_of(v->people), &c);
	uint64_t sum = c.opened;
	for (size_t i = 0; i < SIGNIN_ENDS; i++)
		sum += c.ended[i];
	return sum;
}

static void breathe(void *arg)
{
	struct vpn_devices *x = arg;
	devices_out_breathe(x->out, clock_wall_s());
	x->follow = true; /* users, and what else came without a word */
	loop_timer_set_after(&x->v->life.loop, &x->breath, BREATH_MS);
}

static enum err begin(struct vpn_devices *x)
{
	char folder[4096];
	(void)snprintf(folder, sizeof(folder), "%s/" POLICY_DEVICES_FOLDER,
		       service_life_state(&x->v->life));
	TRY(devices_out_new(folder, POLICY_DEVICES_FILE, &x->out));
	tell_all(x);
	devices_out_breathe(x->out, clock_wall_s());
	return devices_out_show(x->out);
}

static void stop(struct vpn_devices *x)
{
	loop_timer_cancel(&x->v->life.loop, &x->breath);
	devices_out_free(TAKE(x->out));
	free(TAKE(x->told.items));
	x->told = (struct keys){0};
}

void vpn_devices_set(struct vpn *v)
{
	struct vpn_devices *x = v->devices;
	bool wanted = config_section(v->life.config, "policy") != NULL;
	if (!wanted)
		stop(x);
	x->follow = true;
	if (!wanted || x->out)
		return;
	enum err e = begin(x);
	if (!e) {
		loop_timer_set_after(&v->life.loop, &x->breath, BREATH_MS);
		return;
	}
	stop(x);
	log_error("groups of the policy that go by peers do not hold: the table of devices cannot "
		  "be written",
		  LOG_ERR(e));
}

void vpn_devices_follow(struct vpn *v)
{
	v->devices->follow = true;
}

void vpn_devices_turn(struct vpn *v)
{
	struct vpn_devices *x = v->devices;
	if (!x || !x->out)
		return;
	uint64_t sessions = sessions_moved(v);
	if (!x->follow && sessions == x->sessions)
		return;
	x->follow = false;
	x->sessions = sessions;
	tell_all(x);
}

enum err vpn_devices_new(struct vpn *v, struct vpn_devices **ret)
{
	struct vpn_devices *x = calloc(1, sizeof(*x));
	if (!x)
		return ENOMEM;
	x->v = v;
	loop_timer_init(&x->breath, breathe, x);
	enum err e = crypto_random(&x->key, sizeof(x->key));
	if (e)
		free(x);
	else
		*ret = x;
	return e;
}

void vpn_devices_free(struct vpn_devices *x)
{
	if (!x)
		return;
	stop(x);
	free(x);
}

void vpn_devices_metrics(const struct vpn *v, struct writer *text)
{
	struct devices_out_counts c;
	if (!v->devices || !v->devices->out)
		return;
	devices_out_count(v->devices->out, &c);
	write_format(text,
		     "# HELP gatehouse_vpn_devices Peers' addresses and users that those who obey "
		     "the policy are told of.\n# TYPE gatehouse_vpn_devices gauge\n"
		     "gatehouse_vpn_devices %zu\n"
		     "# HELP gatehouse_vpn_devices_left_out_total Of them, for which the table had "
		     "no room.\n# TYPE gatehouse_vpn_devices_left_out_total counter\n"
		     "gatehouse_vpn_devices_left_out_total %llu\n",
		     c.records, (unsigned long long)c.left_out);
}
