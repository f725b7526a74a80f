#include "service/dhcp/io_devices.h"

#include "base/writer.h"
#include "config/config.h"
#include "names/label.h"
#include "os/clock.h"
#include "os/log.h"
#include "policy/io_devices.h"
#include "proto/dhcp/identity.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"

#include <stdio.h>
#include <stdlib.h>

/* Whose the record of a hardware address is: a reservation's, which no lease replaces, a lease of
 * IPv4, which none of IPv6 replaces, or that. */
enum { OF_RESERVATION = 1, OF_LEASE4, OF_LEASE6, OWNER_BITS = 2 };

struct dhcp_named {
	struct names_label name;
	bool has_mac; /* else the reservation goes by something else */
	uint8_t mac[6];
};

/* --- names that are reserved --- */

static int by_name(const void *a, const void *b)
{
	const struct names_label *x = &((const struct dhcp_named *)a)->name,
				 *y = &((const struct dhcp_named *)b)->name;
	return x->len != y->len ? x->len - y->len : memcmp(x->text, y->text, x->len);
}

static void add_named(struct dhcp_devices *o, const struct dhcp_reservation_conf *r)
{
	struct dhcp_named n = {.name = names_label_clean(span_text(r->name ? r->name : ""))};
	if (!n.name.len)
		return;
	n.has_mac = r->mac && dhcp_mac_parse(span_text(r->mac), n.mac) == OK;
	o->named[o->named_n++] = n;
}

static enum err take_named(struct dhcp_devices *o, const struct dhcp_conf *c)
{
	const struct dhcp_network_conf *networks = c->networks.items;
	size_t n = 0;
	for (size_t i = 0; i < c->networks.n; i++)
		n += networks[i].reservations.n;
	free(TAKE(o->named));
	o->named_n = 0;
	o->named = calloc(n ? n : 1, sizeof(*o->named));
	if (!o->named)
		return ENOMEM;
	for (size_t i = 0; i < c->networks.n; i++) {
		const struct dhcp_reservation_conf *of = networks[i].reservations.items;
		for (size_t k = 0; k < networks[i].reservations.n; k++)
			add_named(o, &of[k]);
	}
	qsort(o->named, o->named_n, sizeof(*o->named), by_name);
	return OK;
}

/* May a client with that hardware address (NULL: not known) be known by the name? A reservation's
 * name is its client's alone; one that goes by something else is judged by its address. */
static bool may_have(const struct dhcp_devices *o, const struct names_label *name,
		     const uint8_t *mac)
{
	const struct dhcp_named key = {.name = *name};
	const struct dhcp_named *at =
		bsearch(&key, o->named, o->named_n, sizeof(*o->named), by_name);
	if (!at)
		return true;
	while (at > o->named && by_name(at - 1, &key) == 0)
		at--;
	for (; at < o->named + o->named_n && by_name(at, &key) == 0; at++)
		if (at->has_mac && mac && memcmp(at->mac, mac, sizeof(at->mac)) == 0)
			return true;
	return false;
}

static bool is_same_name(const char *reserved, const struct names_label *name)
{
	struct names_label label = names_label_clean(span_text(reserved ? reserved : ""));
	return label.len && names_label_equal(&label, name);
}

/* --- records --- */

static uint64_t until_of(uint32_t expires_s)
{
	return expires_s == UINT32_MAX ? POLICY_DEVICE_FOREVER : expires_s;
}

/* The last octets of an address and whose it is: what a record of a hardware address is of. */
static uint64_t version_of(const struct ip_address *a, unsigned owner)
{
	struct span octets = ip_address_span(a);
	uint64_t v = 0;
	for (size_t i = octets.len > 7 ? octets.len - 7 : 0; i < octets.len; i++)
		v = v << 8 | octets.data[i];
	return v << OWNER_BITS | owner;
}

/* d has the hardware address. */
static void put_mac(struct devices_out *out, const struct policy_device *d, uint64_t version)
{
	const struct policy_device_key key = policy_device_of_mac(d->mac);
	struct policy_device before, own = *d;
	if (devices_out_find(out, &key, &before) && before.until_s > clock_wall_s() &&
	    (before.version & 3) < (version & 3))
		return;
	own.version = version;
	devices_out_put(out, &key, &own);
}

static void remove_mac(struct devices_out *out, const uint8_t mac[6], uint64_t version)
{
	const struct policy_device_key key = policy_device_of_mac(mac);
	struct policy_device before;
	if (devices_out_find(out, &key, &before) && before.version == version)
		devices_out_remove(out, &key);
}

static void tell(struct dhcp_service *d, bool ended, const struct ip_address *at,
		 const struct policy_device *device)
{
	struct devices_out *out = d->devices.out;
	const struct policy_device_key key = policy_device_at(at);
	uint64_t version = version_of(at, at->family == 4 ? OF_LEASE4 : OF_LEASE6);
	if (ended) {
		devices_out_remove(out, &key);
		if (device->has_mac)
			remove_mac(out, device->mac, version);
		return;
	}
	devices_out_put(out, &key, device);
	if (device->has_mac && device->name[0])
		put_mac(out, device, version);
}

static void set_name(struct policy_device *d, const struct names_label *name)
{
	(void)span_to_cstr(span_of(name->text, name->len), d->name, sizeof(d->name));
}

static void set_mac(struct policy_device *d, const uint8_t *mac, size_t len)
{
	d->has_mac = len == sizeof(d->mac);
	if (d->has_mac)
		memcpy(d->mac, mac, sizeof(d->mac)); /* as long */
}

void dhcp_devices_tell(struct dhcp_service *d, enum dhcp_name_change change,
		       const struct dhcp_lease *l)
{
	const struct ip_address at =
		ip_address_v4((uint8_t)(l->address >> 24), (uint8_t)(l->address >> 16),
			      (uint8_t)(l->address >> 8), (uint8_t)l->address);
	struct policy_device device = {.until_s = until_of(l->expires_s)};
	const struct dhcp_network *n = dhcp_site_network_of(d->site, l->address);
	const struct dhcp_reservation *r = n ? dhcp_network_reserved(n, l->address) : NULL;
	struct names_label name = names_label_clean(l->name);
	if (!d->devices.out)
		return;
	set_mac(&device, l->mac, l->mac_len);
	if (is_same_name(r ? r->name : NULL, &name) ||
	    may_have(&d->devices, &name, device.has_mac ? device.mac : NULL))
		set_name(&device, &name);
	tell(d, change == DHCP_NAME_ENDED, &at, &device);
}

void dhcp_devices_tell6(struct dhcp_service *d, enum dhcp_name_change change,
			const struct v6_lease_view *l)
{
	const struct v6_network *n =
		d->v6.site ? v6_site_network_of(d->v6.site, &l->prefix.address) : NULL;
	const struct v6_client client = {.duid = l->duid, .mac = l->mac};
	const struct v6_reservation *r = n ? v6_link_reservation(n, &client, l->iaid) : NULL;
	struct policy_device device = {.until_s = until_of(l->expires_s)};
	struct names_label name = names_label_clean(l->name);
	if (!d->devices.out || l->prefix.bits != 128)
		return;
	set_mac(&device, l->mac.data, l->mac.len);
	if (is_same_name(r ? r->name : NULL, &name) ||
	    may_have(&d->devices, &name, device.has_mac ? device.mac : NULL))
		set_name(&device, &name);
	if (l->duid.len <= sizeof(device.duid)) {
		device.duid_len = (uint8_t)l->duid.len;
		memcpy(device.duid, l->duid.data, l->duid.len); /* compared above */
	}
	tell(d, change == DHCP_NAME_ENDED, &l->prefix.address, &device);
}

/* --- all of them --- */

static void told4(struct dhcp_service *d, const struct dhcp_lease *l)
{
	dhcp_devices_tell(d, l->state == DHCP_LEASE_BOUND ? DHCP_NAME_GRANTED : DHCP_NAME_ENDED, l);
}

static void told6(struct dhcp_service *d, const struct v6_lease_view *l)
{
	dhcp_devices_tell6(d, l->state == V6_LEASE_BOUND ? DHCP_NAME_GRANTED : DHCP_NAME_ENDED, l);
}

void dhcp_devices_learned(struct dhcp_service *d, struct span key)
{
	struct ip_address at = {0};
	struct dhcp_lease l;
	struct v6_lease_view l6;
	if (!d->devices.out || (key.len != DHCP_LEASE_KEY_LEN && key.len != V6_LEASE_KEY_LEN))
		return;
	at = ip_address_of(span_sub(key, 1, key.len == DHCP_LEASE_KEY_LEN ? 5 : 17));
	const struct ip_prefix p = {.address = at, .bits = key.data[key.len - 1]};
	const struct policy_device_key place = policy_device_at(&at);
	if (at.family == 4 && dhcp_engine_lease(d->engine, dhcp_conf_v4(&at), &l))
		told4(d, &l);
	else if (at.family == 6 && d->v6.engine && v6_engine_lease(d->v6.engine, &p, &l6))
		told6(d, &l6);
	else if (at.family == 4 || p.bits == 128)
		devices_out_remove(d->devices.out, &place);
}

static void tell_all(struct dhcp_service *d)
{
	struct dhcp_lease l;
	struct v6_lease_view l6;
	for (uint32_t from = 0; dhcp_engine_lease_from(d->engine, from, &l);) {
		if (l.state == DHCP_LEASE_BOUND)
			dhcp_devices_tell(d, DHCP_NAME_GRANTED, &l);
		from = l.address + 1;
		if (from == 0)
			break;
	}
	for (size_t at = 0; d->v6.engine && v6_engine_lease_next(d->v6.engine, &at, &l6);)
		if (l6.state == V6_LEASE_BOUND)
			dhcp_devices_tell6(d, DHCP_NAME_GRANTED, &l6);
}

/* A host that has its address from its own configuration is known by its reservation, too. */
static void tell_reserved(struct dhcp_service *d)
{
	for (size_t i = 0; i < d->devices.named_n; i++) {
		const struct dhcp_named *n = &d->devices.named[i];
		struct policy_device device = {.until_s = POLICY_DEVICE_FOREVER};
		if (!n->has_mac)
			continue;
		set_mac(&device, n->mac, sizeof(n->mac));
		set_name(&device, &n->name);
		put_mac(d->devices.out, &device, OF_RESERVATION);
	}
}

static enum err begin(struct dhcp_service *d)
{
	struct reserved_conf joined;
	char folder[4096];
	TRY(reserved_conf_make(&d->reserved, dhcp_conf_of(d), &joined));
	enum err e = take_named(&d->devices, joined.conf);
	reserved_conf_done(&joined);
	TRY(e);
	(void)snprintf(folder, sizeof(folder), "%s/" POLICY_DEVICES_FOLDER,
		       service_life_state(&d->life));
	TRY(devices_out_new(folder, POLICY_DEVICES_FILE, &d->devices.out));
	tell_reserved(d);
	tell_all(d);
	return devices_out_show(d->devices.out);
}

void dhcp_devices_set(struct dhcp_service *d)
{
	/* Another file, so that nobody is unknown while it is filled. */
	devices_out_free(TAKE(d->devices.out));
	if (!config_section(d->life.config, "policy") || !service_life_state(&d->life))
		return;
	enum err e = begin(d);
	if (!e)
		return;
	devices_out_free(TAKE(d->devices.out));
	log_error("groups of the policy that go by leases or hardware addresses do not hold: "
		  "the table of devices cannot be written",
		  LOG_ERR(e));
}

void dhcp_devices_done(struct dhcp_service *d)
{
	devices_out_free(TAKE(d->devices.out));
	free(TAKE(d->devices.named));
}

void dhcp_devices_metrics(const struct dhcp_service *d, struct writer *text)
{
	struct devices_out_counts c;
	if (!d->devices.out)
		return;
	devices_out_count(d->devices.out, &c);
	write_format(text,
		     "# HELP gatehouse_dhcp_devices Devices that those who obey the policy are "
		     "told of.\n# TYPE gatehouse_dhcp_devices gauge\ngatehouse_dhcp_devices %zu\n"
		     "# HELP gatehouse_dhcp_devices_left_out_total Devices that the table had no "
		     "room for.\n# TYPE gatehouse_dhcp_devices_left_out_total counter\n"
		     "gatehouse_dhcp_devices_left_out_total %llu\n",
		     c.records, (unsigned long long)c.left_out);
}
