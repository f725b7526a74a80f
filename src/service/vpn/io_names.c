#include "service/vpn/io_names.h"

#include "base/table.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "names/link.h"
#include "os/clock.h"
#include "os/log.h"
#include "proto/dns/code.h"
#include "proto/dns/text.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_added.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>

enum {
	AT_ONCE = 64, /* updates without an answer, of one domain */
	SPARE = 1024, /* entries of names that go, beyond the peers' */
	DUID_UUID = 4,
	DUID_LEN = 2 + 16,
	ADDRESSES_OF_PEER = 2, /* host addresses of one that are names: more are routes */
};

/* Names right below one domain. */
struct domain {
	struct vpn_names *of; /* borrowed */
	struct domain *next;
	struct names_conf conf;
	struct names *engine;
	struct names_link link;
};

/* A name as it was told. */
struct told {
	struct ip_address address;
	struct domain *domain; /* borrowed */
	uint8_t duid[DUID_LEN];
	char label[NAMES_LABEL_MAX + 1];
	uint8_t names; /* NAMES_*: what of it is in the DNS, as far as is known */
	uint32_t seen;
};

struct vpn_names {
	struct vpn *vpn; /* borrowed */
	struct hash_key key;
	struct dns_tsig_key tsig;
	struct names_zone *reverse;
	size_t reverse_n;
	struct domain *domains;
	struct table told; /* by address; of struct told, owned */
	uint32_t turn;
	bool follow;
	struct loop_timer due;
};

static bool has_address(const void *record, const void *key, size_t key_len)
{
	return span_equal(ip_address_span(&((const struct told *)record)->address),
			  span_of(key, key_len));
}

static struct told *told_find(const struct vpn_names *n, const struct ip_address *a)
{
	struct span key = ip_address_span(a);

	return table_find(&n->told, table_hash(&n->told, key), key.data, key.len);
}

/* --- what the engines tell --- */

static void on_send(void *arg, const struct names_send *s)
{
	struct domain *d = arg;

	names_link_send(&d->link, s);
}

static void on_answer(void *arg, struct span message)
{
	struct domain *d = arg;

	names_answer(d->engine, vpn_now_ms(), clock_wall_s(), &d->link.server, message);
}

static void on_done(void *arg, const struct ip_address *address, uint8_t names)
{
	struct domain *d = arg;
	struct told *t = told_find(d->of, address);

	if (t)
		t->names = names;
	vpn_added_named(d->of->vpn->added, address, names);
}

static void on_event(void *arg, const struct names_event *e)
{
	struct domain *d = arg;
	char name[DNS_NAME_TEXT_MAX], address[IP_ADDRESS_TEXT_MAX], cause[DNS_CODE_TEXT_MAX];

	ip_address_format(&e->address, address);
	dns_name_format(e->name, name);
	if (e->kind == NAMES_EVENT_FAILED && e->tries == 1)
		log_warning("a name could not be written; it is tried again",
			    LOG_TEXT("name", name), LOG_ENDPOINT("server", e->server),
			    LOG_TEXT("cause", names_cause_text(e->rcode, cause)));
	if (e->kind == NAMES_EVENT_CONFLICT)
		log_warning("another host has the name of a peer", LOG_TEXT("name", name));
	json_t *fields = json_pack("{s:s,s:s}", "name", name, "address", address);
	if (fields && e->kind == NAMES_EVENT_FAILED)
		json_object_set_new(fields, "cause",
				    json_string(names_cause_text(e->rcode, cause)));
	if (d->of->vpn->life.control)
		control_event(d->of->vpn->life.control, names_event_text(e->kind), fields);
	else
		json_decref(fields);
}

/* --- domains --- */

static void domain_free(struct domain *d)
{
	names_link_close(&d->link);
	names_free(d->engine);
	free(d);
}

static void conf_fill(struct vpn_names *n, const struct dns_name *name, struct names_conf *ret)
{
	const struct vpn_names_conf *c = &vpn_conf_of(n->vpn)->names;
	struct dns_name zone = c->zone.len ? c->zone : *name;

	dns_name_lower(&zone);
	*ret = (struct names_conf){
		.domain = *name,
		.forward = {zone, c->server, n->tsig.secret.len ? &n->tsig : NULL},
		.reverse = n->reverse,
		.reverse_n = n->reverse_n,
		.ttl_max_s = (uint32_t)(c->ttl_ms / 1000),
	};
}

static enum err domain_new(struct vpn_names *n, const struct dns_name *name, struct domain **ret)
{
	struct domain *d = calloc(1, sizeof(*d));
	const struct names_limits limits = {
		.queue = 2 * (size_t)vpn_conf_of(n->vpn)->limits.peers + SPARE, .at_once = AT_ONCE};
	const struct names_effects effects = {
		.arg = d, .send = on_send, .done = on_done, .event = on_event};

	if (!d)
		return ENOMEM;
	d->of = n;
	names_link_init(&d->link);
	conf_fill(n, name, &d->conf);
	enum err e = names_new(&d->conf, &limits, &effects, n->key, &d->engine);
	if (e) {
		free(d);
		return e;
	}
	d->link.answer = on_answer;
	d->link.arg = d;
	names_link_set(&d->link, &n->vpn->life.loop, &d->conf.forward.server);
	d->next = n->domains;
	n->domains = d;
	*ret = d;
	return OK;
}

/* The domain of that name, made when there is none; NULL: it cannot be. */
static struct domain *domain_of(struct vpn_names *n, const struct dns_name *name)
{
	struct dns_name lower = *name;
	struct domain *d = n->domains;

	dns_name_lower(&lower);
	while (d && !dns_name_equal(&d->conf.domain, &lower))
		d = d->next;
	if (d)
		return d;
	enum err e = domain_new(n, &lower, &d);
	if (e)
		log_error("the names of a domain cannot be told", LOG_ERR(e));
	return e ? NULL : d;
}

/* --- what there is --- */

/* Who holds a name, as DHCID tells it (RFC 4701): a UUID (RFC 6355) made from what is ours alone.
 */
static void duid_make(struct span of, uint8_t ret[DUID_LEN])
{
	uint8_t hash[CRYPTO_SHA256_LEN];

	crypto_sha256(of, hash);
	ret[0] = 0;
	ret[1] = DUID_UUID;
	memcpy(ret + 2, hash, DUID_LEN - 2);
}

static struct names_lease lease_of(const struct told *t)
{
	return (struct names_lease){.address = t->address,
				    .duid = span_of(t->duid, DUID_LEN),
				    .name = span_text(t->label),
				    .reserved = true, /* an administrator chose it */
				    .lease_s = UINT32_MAX,
				    .names = t->names};
}

static void end(struct vpn_names *n, struct told *t)
{
	struct names_lease lease = lease_of(t);
	struct span key = ip_address_span(&t->address);

	/* Of one that is under way it is not known what is there. */
	lease.names |= NAMES_FORWARD | NAMES_REVERSE;
	names_ended(t->domain->engine, vpn_now_ms(), &lease);
	(void)table_remove(&n->told, table_hash(&n->told, key), key.data, key.len);
	free(t);
}

static void wish(struct vpn_names *n, const struct told *want)
{
	struct told *t = told_find(n, &want->address);
	struct span key = ip_address_span(&want->address);

	if (t && (strcmp(t->label, want->label) != 0 || t->domain != want->domain ||
		  memcmp(t->duid, want->duid, DUID_LEN) != 0)) {
		end(n, t);
		t = NULL;
	}
	if (t) {
		t->seen = n->turn;
		return;
	}
	t = malloc(sizeof(*t));
	if (!t)
		return;
	*t = *want;
	t->seen = n->turn;
	if (table_insert(&n->told, table_hash(&n->told, key), key.data, key.len, t)) {
		free(t);
		return;
	}
	struct names_lease lease = lease_of(t);
	names_granted(t->domain->engine, vpn_now_ms(), &lease);
}

static bool is_host(const struct ip_prefix *p)
{
	return p->bits == 8 * ip_address_len(&p->address);
}

/* All names are told anew after a start, also those that a row has: the server may be another one.
 */
static void wish_peer(struct vpn_names *n, struct domain *d, const struct vpn_peer *p)
{
	struct told t = {.domain = d};
	unsigned hosts = 0;

	if (!p->name[0])
		return;
	(void)span_to_cstr(span_text(p->name), t.label, sizeof(t.label));
	duid_make(span_of(p->public_key, VPN_KEY_LEN), t.duid);
	for (const struct vpn_allowed *a = p->allowed; a && hosts < ADDRESSES_OF_PEER;
	     a = a->next) {
		if (!is_host(&a->prefix))
			continue;
		hosts++;
		t.address = a->prefix.address;
		wish(n, &t);
	}
}

/* Removed peers whose names are to go yet: by their row, as after a restart. */
static void end_rows(struct vpn_names *n)
{
	const struct added_entry *e;

	for (size_t at = 0; (e = vpn_added_next(n->vpn->added, &at));) {
		const struct vpn_interface_conf *conf =
			vpn_conf_interface_named(vpn_conf_of(n->vpn), e->a.device);
		struct domain *d =
			e->a.ended && conf && conf->domain.len ? domain_of(n, &conf->domain) : NULL;
		for (size_t i = 0; d && i < e->a.addresses_n; i++) {
			struct told t = {
				.domain = d, .address = e->a.addresses[i], .names = e->a.names[i]};
			if (!t.names || told_find(n, &t.address))
				continue;
			(void)span_to_cstr(span_text(e->a.name), t.label, sizeof(t.label));
			duid_make(span_of(e->a.public_key, WG_KEY_LEN), t.duid);
			struct names_lease lease = lease_of(&t);
			names_ended(d->engine, vpn_now_ms(), &lease);
		}
	}
}

/* The page's name leads to the addresses where it is served. */
static void wish_page(struct vpn_names *n)
{
	const struct vpn_conf *conf = vpn_conf_of(n->vpn);
	const struct ip_address *pages = conf->sign_in.addresses.items;
	struct vpn_device_address own;
	struct dns_name parent;
	struct told t = {.names = 0};

	if (!conf->has_sign_in || conf->sign_in.name.len < 2)
		return;
	size_t label = conf->sign_in.name.wire[0];
	if (!dns_name_parent(&conf->sign_in.name, &parent) || parent.len < 2)
		return;
	t.domain = domain_of(n, &parent);
	(void)span_to_cstr(span_of(conf->sign_in.name.wire + 1, label), t.label, sizeof(t.label));
	duid_make(span_text("gatehouse sign-in page"), t.duid);
	for (size_t i = 0; t.domain && i < conf->sign_in.addresses.n; i++) {
		t.address = pages[i];
		wish(n, &t);
	}
	for (size_t i = 0; t.domain && !conf->sign_in.addresses.n && i < conf->interfaces.n; i++)
		for (size_t a = 0; a < vpn_conf_interface(conf, i)->addresses.n; a++)
			if (!vpn_conf_address(vpn_conf_interface(conf, i), a, &own)) {
				t.address = own.address;
				wish(n, &t);
			}
}

static bool is_gone(const struct vpn_names *n, const struct told *t)
{
	return t->seen != n->turn;
}

static void end_gone(struct vpn_names *n)
{
	struct told *t, *gone[64];
	size_t gone_n;

	/* Bounded by what was told: each turn ends some of it. */
	do {
		gone_n = 0;
		for (size_t at = 0; gone_n < 64 && (t = table_next(&n->told, &at));)
			if (is_gone(n, t))
				gone[gone_n++] = t;
		for (size_t i = 0; i < gone_n; i++)
			end(n, gone[i]);
	} while (gone_n);
}

static void follow(struct vpn_names *n)
{
	struct vpn *v = n->vpn;
	const struct vpn_conf *conf = vpn_conf_of(v);

	n->turn++;
	n->follow = false;
	for (size_t i = 0; conf->has_names && i < v->interfaces_n; i++) {
		struct vpn_interface *f = &v->interfaces[i];
		const struct vpn_interface_conf *of = vpn_conf_interface_named(conf, f->name);
		struct domain *d = of && of->domain.len ? domain_of(n, &of->domain) : NULL;
		for (struct vpn_peer *p = NULL; d && (p = vpn_engine_next_peer(f->engine, p));)
			wish_peer(n, d, p);
	}
	if (conf->has_names)
		wish_page(n);
	end_gone(n);
	if (conf->has_names)
		end_rows(n);
}

void vpn_names_follow(struct vpn *v)
{
	if (v->names)
		v->names->follow = true;
}

/* --- turns --- */

static void due(void *arg)
{
	(void)arg; /* the turn of the loop ends in vpn_names_turn */
}

bool vpn_names_follows(const struct vpn *v)
{
	return v->names && v->names->follow;
}

void vpn_names_turn(struct vpn *v)
{
	struct vpn_names *n = v->names;
	uint64_t now_ms = vpn_now_ms(), next_ms = UINT64_MAX;

	if (n->follow)
		follow(n);
	for (struct domain *d = n->domains; d; d = d->next) {
		if (names_next_ms(d->engine) <= now_ms)
			names_turn(d->engine, now_ms, clock_wall_s());
		uint64_t of_ms = names_next_ms(d->engine);
		next_ms = of_ms < next_ms ? of_ms : next_ms;
	}
	if (next_ms == UINT64_MAX)
		loop_timer_cancel(&v->life.loop, &n->due);
	else
		loop_timer_set_after(&v->life.loop, &n->due,
				     next_ms > now_ms ? next_ms - now_ms : 0);
}

/* --- configuration and life --- */

static void domains_free(struct vpn_names *n)
{
	for (struct domain *d = n->domains, *next; d; d = next) {
		next = d->next;
		domain_free(d);
	}
	n->domains = NULL;
}

static bool drop_told(void *record, void *arg)
{
	(void)arg;
	free(record);
	return true;
}

static void clear(struct vpn_names *n)
{
	(void)table_sweep(&n->told, drop_told, NULL);
	domains_free(n);
	free(TAKE(n->reverse));
	n->reverse_n = 0;
	secret_done(&n->tsig.secret);
}

static enum err take_key(const struct vpn_names_conf *c, struct dns_tsig_key *ret)
{
	uint8_t octets[SECRET_LEN_MAX];
	struct writer w = writer_of(octets, sizeof(octets));

	ret->name = c->key;
	dns_name_lower(&ret->name);
	TRY(dns_tsig_algorithm_from_text(span_text(vpn_names_algorithms[c->algorithm]),
					 &ret->algorithm));
	bool whole = dns_text_decode_all(DNS_TEXT_BASE64, span_trim(c->secret), &w) && !w.bad;
	enum err e = whole ? secret_set(&ret->secret, writer_span(&w)) : ERR_FORMAT;
	crypto_wipe(octets, sizeof(octets));
	return e;
}

static enum err take_conf(struct vpn_names *n, const struct vpn_names_conf *c)
{
	const struct dns_name *reverse = c->reverse.items;

	if (c->key.len)
		TRY(take_key(c, &n->tsig));
	n->reverse = calloc(c->reverse.n + 1, sizeof(*n->reverse));
	if (!n->reverse)
		return ENOMEM;
	for (size_t i = 0; i < c->reverse.n; i++) {
		n->reverse[i] = (struct names_zone){reverse[i], c->server,
						    n->tsig.secret.len ? &n->tsig : NULL};
		dns_name_lower(&n->reverse[i].zone);
	}
	n->reverse_n = c->reverse.n;
	return OK;
}

static bool has_same_key(const struct vpn_names *n, const struct vpn_names_conf *c)
{
	struct dns_tsig_key key = {.algorithm = n->tsig.algorithm};

	if (c->key.len == 0)
		return n->tsig.secret.len == 0;
	bool same = take_key(c, &key) == OK && key.algorithm == n->tsig.algorithm &&
		    dns_name_equal(&key.name, &n->tsig.name) &&
		    crypto_equal(secret_span(&key.secret), secret_span(&n->tsig.secret));
	secret_done(&key.secret);
	return same;
}

/* Whether names are told as they were under the earlier configuration. */
static bool is_as_before(const struct vpn_names *n, const struct vpn_names_conf *c)
{
	const struct domain *d = n->domains;
	struct dns_name zone = c->zone;

	dns_name_lower(&zone);
	bool same = d && n->reverse_n == c->reverse.n &&
		    ip_endpoint_equal(&d->link.server, &c->server) &&
		    d->conf.ttl_max_s == c->ttl_ms / 1000 && has_same_key(n, c);
	for (; same && d; d = d->next)
		same = dns_name_equal(&d->conf.forward.zone, zone.len ? &zone : &d->conf.domain);
	for (size_t i = 0; same && i < n->reverse_n; i++) {
		struct dns_name reverse = ((const struct dns_name *)c->reverse.items)[i];
		dns_name_lower(&reverse);
		same = dns_name_equal(&n->reverse[i].zone, &reverse);
	}
	return same;
}

void vpn_names_set(struct vpn *v)
{
	const struct vpn_conf *conf = vpn_conf_of(v);
	struct vpn_names *n = v->names;

	if (!(conf->has_names && is_as_before(n, &conf->names))) {
		clear(n);
		enum err e = conf->has_names ? take_conf(n, &conf->names) : OK;
		if (e)
			log_error("peers get no names", LOG_ERR(e));
	}
	vpn_names_follow(v);
}

enum err vpn_names_new(struct vpn *v, struct vpn_names **ret)
{
	struct vpn_names *n = calloc(1, sizeof(*n));

	if (!n)
		return ENOMEM;
	n->vpn = v;
	loop_timer_init(&n->due, due, n);
	enum err e = crypto_random(&n->key, sizeof(n->key));
	if (e) {
		free(n);
		return e;
	}
	table_init(&n->told, n->key, TABLE_RECORDS_MAX, has_address);
	*ret = n;
	return OK;
}

void vpn_names_free(struct vpn_names *n)
{
	if (!n)
		return;
	loop_timer_cancel(&n->vpn->life.loop, &n->due);
	clear(n);
	table_done(&n->told);
	free(n);
}

json_t *vpn_names_json(const struct vpn *v)
{
	struct names_counts sum = {0}, c;

	if (!v->names || !v->names->domains)
		return NULL;
	for (const struct domain *d = v->names->domains; d; d = d->next) {
		names_count(d->engine, &c);
		sum.added += c.added;
		sum.removed += c.removed;
		sum.conflicts += c.conflicts;
		sum.failed += c.failed;
		sum.given_up += c.given_up;
		sum.waiting += c.waiting;
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "added", (json_int_t)sum.added, "removed",
			 (json_int_t)sum.removed, "conflicts", (json_int_t)sum.conflicts, "failed",
			 (json_int_t)sum.failed, "given_up", (json_int_t)sum.given_up, "waiting",
			 (json_int_t)sum.waiting);
}
