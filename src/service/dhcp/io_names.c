#include "service/dhcp/io_names.h"

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "proto/dhcp/fqdn.h"
#include "proto/dhcp6/fqdn.h"
#include "proto/dns/code.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"

#include <stdlib.h>

enum {
	AT_ONCE = 64,	 /* updates without an answer */
	WALK_TURN = 256, /* leases looked at in one turn */
};

void dhcp_names_init(struct names_io *io)
{
	names_link_init(&io->link);
}

void dhcp_names_open(struct dhcp_service *d)
{
	char *text = NULL;
	size_t len = 0;

	if (file_read("/proc/sys/kernel/hostname", sizeof(d->names.own), &text, &len) == OK)
		(void)span_to_cstr(span_trim(span_of(text, len)), d->names.own,
				   sizeof(d->names.own));
	free(text);
}

/* --- what comes and goes --- */

static void answer(void *arg, struct span message)
{
	struct dhcp_service *d = arg;

	names_answer(d->names.engine, dhcp_now_ms(d), clock_wall_s(), &d->names.link.server,
		     message);
}

static void send(void *arg, const struct names_send *s)
{
	struct dhcp_service *d = arg;

	names_link_send(&d->names.link, s);
}

/* --- what the engine tells --- */

static void done(void *arg, const struct ip_address *address, uint8_t names)
{
	struct dhcp_service *d = arg;
	struct ip_prefix p = {.address = *address, .bits = 128};

	if (address->family == 4)
		dhcp_engine_named(d->engine, dhcp_conf_v4(address), names);
	else if (d->v6.engine)
		v6_engine_named(d->v6.engine, &p, names);
}

static void event(void *arg, const struct names_event *e)
{
	struct dhcp_service *d = arg;
	char name[DNS_NAME_TEXT_MAX], address[IP_ADDRESS_TEXT_MAX], cause[DNS_CODE_TEXT_MAX];

	ip_address_format(&e->address, address);
	dns_name_format(e->name, name);
	if (e->kind == NAMES_EVENT_FAILED && e->tries == 1)
		log_warning("a name could not be written; it is tried again",
			    LOG_TEXT("name", name), LOG_ENDPOINT("server", e->server),
			    LOG_TEXT("cause", names_cause_text(e->rcode, cause)));
	if (!d->life.control || !control_events_read(d->life.control))
		return;
	json_t *fields = json_pack("{s:s,s:s}", "name", name, "address", address);
	if (fields && e->kind == NAMES_EVENT_FAILED)
		json_object_set_new(fields, "cause",
				    json_string(names_cause_text(e->rcode, cause)));
	control_event(d->life.control, names_event_text(e->kind), fields);
}

/* --- configuration --- */

static enum err engine_begin(struct dhcp_service *d, struct names_rules *rules, size_t queue)
{
	const struct names_effects effects = {.arg = d, .send = send, .done = done, .event = event};
	const struct names_limits limits = {.queue = queue, .at_once = AT_ONCE};

	return names_new(&rules->conf, &limits, &effects, d->key, &d->names.engine);
}

enum err dhcp_names_set(struct dhcp_service *d, const struct dhcp_conf *conf)
{
	struct names_io *io = &d->names;
	AUTO(names_rules_free) struct names_rules *rules = NULL;
	struct reserved_conf joined; /* names of stored reservations are guarded, too */

	TRY(reserved_conf_make(&d->reserved, conf, &joined));
	enum err e = names_rules_new(joined.conf, span_text(io->own), &rules);
	reserved_conf_done(&joined);
	TRY(e);
	names_link_close(&io->link);
	if (!rules) {
		names_free(TAKE(io->engine));
	} else if (io->engine) {
		names_set_conf(io->engine, &rules->conf);
	} else {
		TRY(engine_begin(d, rules, conf->names.queue));
		dhcp_names_walk(d);
	}
	struct dhcp_naming naming = {.updates = rules != NULL};
	if (rules) {
		io->link.answer = answer;
		io->link.arg = d;
		names_link_set(&io->link, &d->life.loop, &rules->conf.forward.server);
		naming.policy = rules->conf.fqdn;
		naming.domain = rules->conf.domain;
	}
	dhcp_engine_set_naming(d->engine, &naming);
	if (d->v6.engine)
		v6_engine_set_naming(d->v6.engine, &naming);
	names_rules_free(io->rules);
	io->rules = TAKE(rules);
	return OK;
}

void dhcp_names_done(struct dhcp_service *d)
{
	names_link_close(&d->names.link);
	names_free(TAKE(d->names.engine));
	names_rules_free(TAKE(d->names.rules));
}

/* --- leases --- */

static uint32_t length_s(uint32_t granted_s, uint32_t expires_s)
{
	return expires_s == UINT32_MAX ? UINT32_MAX : expires_s - granted_s;
}

/* reserved: NULL: no reservation names anything. */
static bool is_named_by(const char *reserved, struct span name)
{
	struct names_label a = names_label_clean(name), b;

	if (!reserved)
		return false;
	b = names_label_clean(span_text(reserved));
	return names_label_equal(&a, &b);
}

static const char *reserved_name(const struct dhcp_network *n, uint32_t address)
{
	const struct dhcp_reservation *r = n ? dhcp_network_reserved(n, address) : NULL;

	return r ? r->name : NULL;
}

static const char *reserved_name6(const struct dhcp_service *d, const struct v6_lease_view *l)
{
	const struct v6_network *n = v6_site_network_of(d->v6.site, &l->prefix.address);
	const struct v6_client client = {.duid = l->duid, .mac = l->mac};
	const struct v6_reservation *r = n ? v6_link_reservation(n, &client, l->iaid) : NULL;

	return r ? r->name : NULL;
}

static void tell(struct dhcp_service *d, bool ended, const struct names_lease *l)
{
	if (ended)
		names_ended(d->names.engine, dhcp_now_ms(d), l);
	else
		names_granted(d->names.engine, dhcp_now_ms(d), l);
}

void dhcp_names_tell(void *arg, enum dhcp_name_change change, const struct dhcp_lease *l,
		     const struct dhcp_network *n)
{
	struct dhcp_service *d = arg;

	if (!d->names.engine)
		return;
	struct names_lease lease = {
		.address = ip_address_v4((uint8_t)(l->address >> 24), (uint8_t)(l->address >> 16),
					 (uint8_t)(l->address >> 8), (uint8_t)l->address),
		.client_id = l->client_id,
		.mac = span_of(l->mac, l->mac_len),
		.htype = l->htype,
		.name = l->name,
		.reserved = is_named_by(reserved_name(n, l->address), l->name),
		.fqdn = l->fqdn_flags & DHCP_LEASE_FQDN,
		.fqdn_s = l->fqdn_flags & DHCP_FQDN_S,
		.fqdn_n = l->fqdn_flags & DHCP_FQDN_N,
		.lease_s = length_s(l->granted_s, l->expires_s),
		.names = l->names,
	};
	tell(d, change == DHCP_NAME_ENDED, &lease);
}

void dhcp_names_tell6(void *arg, enum dhcp_name_change change, const struct v6_lease_view *l,
		      const struct v6_network *n)
{
	struct dhcp_service *d = arg;
	(void)n;

	if (!d->names.engine || l->prefix.bits != 128)
		return;
	struct names_lease lease = {
		.address = l->prefix.address,
		.duid = l->duid,
		.name = l->name,
		.reserved = is_named_by(reserved_name6(d, l), l->name),
		.fqdn = l->fqdn_flags & DHCP_LEASE_FQDN,
		.fqdn_s = l->fqdn_flags & DHCP6_FQDN_S,
		.fqdn_n = l->fqdn_flags & DHCP6_FQDN_N,
		.lease_s = length_s(l->granted_s, l->expires_s),
		.names = l->names,
	};
	tell(d, change == DHCP_NAME_ENDED, &lease);
}

/* --- leases that the DNS was not told of --- */

void dhcp_names_walk(struct dhcp_service *d)
{
	d->names.walking4 = d->names.walking6 = true;
	d->names.from4 = 0;
	d->names.at6 = 0;
}

static bool walk_next4(struct dhcp_service *d)
{
	struct names_io *io = &d->names;
	struct dhcp_lease l;

	if (!dhcp_engine_lease_from(d->engine, io->from4, &l))
		return false;
	io->from4 = l.address + 1;
	if (l.state == DHCP_LEASE_BOUND)
		dhcp_names_tell(d, DHCP_NAME_GRANTED, &l, dhcp_site_network_of(d->site, l.address));
	return io->from4 != 0;
}

static bool walk_next6(struct dhcp_service *d)
{
	struct v6_lease_view l;

	if (!d->v6.engine || !v6_engine_lease_next(d->v6.engine, &d->names.at6, &l))
		return false;
	if (l.state == V6_LEASE_BOUND)
		dhcp_names_tell6(d, DHCP_NAME_GRANTED, &l, NULL);
	return true;
}

/* Half of the queue is for leases that come now. */
static void walk(struct dhcp_service *d)
{
	struct names_io *io = &d->names;
	size_t half = dhcp_conf_of(d)->names.queue / 2;

	for (unsigned i = 0; i < WALK_TURN && names_room(io->engine) > half; i++) {
		if (io->walking4)
			io->walking4 = walk_next4(d);
		else if (io->walking6)
			io->walking6 = walk_next6(d);
		else
			return;
	}
}

void dhcp_names_turn(struct dhcp_service *d)
{
	if (!d->names.engine)
		return;
	if (d->names.walking4 || d->names.walking6)
		walk(d);
	if (names_next_ms(d->names.engine) <= dhcp_now_ms(d))
		names_turn(d->names.engine, dhcp_now_ms(d), clock_wall_s());
}

uint64_t dhcp_names_next_ms(const struct dhcp_service *d)
{
	const struct names_io *io = &d->names;

	if (!io->engine)
		return UINT64_MAX;
	if ((io->walking4 || io->walking6) &&
	    names_room(io->engine) > dhcp_conf_of(d)->names.queue / 2)
		return dhcp_now_ms(d);
	return names_next_ms(io->engine);
}
