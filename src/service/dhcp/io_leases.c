/* The verbs about leases. A list is made in slices between the packets: a million of them stalls
 * nobody. */
#include "service/dhcp/io_leases.h"

#include "base/writer.h"
#include "os/log.h"
#include "proto/ip/prefix.h"
#include "service/dhcp/io_dhcp.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum {
	PAGE_DEFAULT = 100,
	PAGE_MAX = 1000,
	SLICE_SEEN = 2048, /* records looked at in one go */
	SLICE_SHOWN = 16,  /* and told */
	TEXT_MAX = 3 * DHCP_IDENTITY_MAX + 8,
};

static const char *const state_names[] = {
	[DHCP_LEASE_OFFERED] = "offered",   [DHCP_LEASE_BOUND] = "bound",
	[DHCP_LEASE_RELEASED] = "released", [DHCP_LEASE_EXPIRED] = "expired",
	[DHCP_LEASE_DECLINED] = "declined", [DHCP_LEASE_CONFLICT] = "conflict",
};
enum { STATES = sizeof(state_names) / sizeof(state_names[0]) };

/* --- one lease as JSON --- */

static void address_text(uint32_t host, char ret[IP_ADDRESS_TEXT_MAX])
{
	const struct ip_address a = ip_address_v4((uint8_t)(host >> 24), (uint8_t)(host >> 16),
						  (uint8_t)(host >> 8), (uint8_t)host);
	(void)ip_address_format(&a, ret);
}

void dhcp_json_octets(json_t *o, const char *key, const char *before, const char *between,
		      struct span s)
{
	char text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));
	write_text(&w, before);
	for (size_t i = 0; i < s.len; i++)
		write_format(&w, "%s%02x", i ? between : "", s.data[i]);
	if (s.len && !w.bad)
		(void)json_object_set_new(o, key, json_stringn(text, w.pos));
}

/* Octets that are plain text stand as such, all others as hex:…, the way the configuration has
 * them.
 */
static void set_identity(json_t *o, const char *key, struct span s)
{
	bool plain = s.len > 0;
	for (size_t i = 0; i < s.len; i++)
		plain &= s.data[i] > ' ' && s.data[i] < 0x7f;
	if (plain)
		(void)json_object_set_new(o, key, json_stringn((const char *)s.data, s.len));
	else
		dhcp_json_octets(o, key, "hex:", "", s);
}

void dhcp_json_time(json_t *o, const char *key, uint32_t at_s)
{
	char text[32];
	time_t t = (time_t)at_s;
	struct tm tm;
	if (at_s == UINT32_MAX)
		(void)json_object_set_new(o, key, json_string("never"));
	else if (at_s && gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%FT%TZ", &tm))
		(void)json_object_set_new(o, key, json_string(text));
}

static enum dhcp_lease_state state_at(const struct dhcp_lease *l, uint64_t now_ms)
{
	bool over = l->expires_s != UINT32_MAX && l->expires_s <= now_ms / 1000;
	return l->state == DHCP_LEASE_BOUND && over ? DHCP_LEASE_EXPIRED : l->state;
}

json_t *dhcp_lease_json(const struct dhcp_lease *l, const struct dhcp_site *site, uint64_t now_ms)
{
	char address[IP_ADDRESS_TEXT_MAX];
	const struct dhcp_network *n = dhcp_site_network_of(site, l->address);
	json_t *o = json_object();
	address_text(l->address, address);
	(void)json_object_set_new(o, "address", json_string(address));
	(void)json_object_set_new(o, "state", json_string(state_names[state_at(l, now_ms)]));
	dhcp_json_octets(o, "mac", "", ":", span_of(l->mac, l->mac_len));
	set_identity(o, "client_id", l->client_id);
	if (l->name.len)
		(void)json_object_set_new(o, "name",
					  json_stringn((const char *)l->name.data, l->name.len));
	dhcp_json_time(o, "granted", l->granted_s);
	dhcp_json_time(o, "expires", l->expires_s);
	if (l->expires_s != UINT32_MAX && l->expires_s > now_ms / 1000)
		(void)json_object_set_new(o, "left_s",
					  json_integer((json_int_t)(l->expires_s - now_ms / 1000)));
	if (n)
		(void)json_object_set_new(o, "network", json_string(n->name));
	set_identity(o, "circuit_id", l->circuit_id);
	set_identity(o, "remote_id", l->remote_id);
	if (l->names)
		(void)json_object_set_new(
			o, "dns",
			json_string((l->names & DHCP_NAME_FORWARD) && (l->names & DHCP_NAME_REVERSE)
					    ? "both"
				    : l->names & DHCP_NAME_FORWARD ? "forward"
								   : "reverse"));
	return o;
}

/* --- a list --- */

struct filter {
	bool by_network, by_mac, by_state;
	uint32_t first, last;
	uint8_t mac[6];
	enum dhcp_lease_state state;
	char name[DHCP_LEASE_NAME_MAX + 1]; /* "": any; a trailing `*` is anything */
};

struct leases_page {
	struct dhcp_service *d; /* borrowed */
	struct control_reply *reply;
	struct loop_timer slice;
	struct filter filter;
	uint32_t at;
	size_t limit;
	json_t *list;
	struct leases_page *next, **link;
};

static void page_free(struct leases_page *p)
{
	loop_timer_cancel(&p->d->life.loop, &p->slice);
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	json_decref(p->list);
	free(p);
}

static bool name_matches(const char *pattern, struct span name)
{
	size_t n = strlen(pattern);
	if (n && pattern[n - 1] == '*')
		return name.len >= n - 1 &&
		       strncasecmp(pattern, (const char *)name.data, n - 1) == 0;
	return span_equal_nocase(name, span_text(pattern));
}

static bool matches(const struct filter *f, const struct dhcp_lease *l, uint64_t now_ms)
{
	if (f->by_state && state_at(l, now_ms) != f->state)
		return false;
	if (f->by_mac && !span_equal(span_of(l->mac, l->mac_len), span_of(f->mac, sizeof(f->mac))))
		return false;
	return !f->name[0] || (l->name.len && name_matches(f->name, l->name));
}

/* next: the address that the following page begins at; 0: that was all. */
static void page_end(struct leases_page *p, uint32_t next)
{
	char text[IP_ADDRESS_TEXT_MAX];
	json_t *answer = json_object();
	(void)json_object_set_new(answer, "leases", TAKE(p->list));
	if (next) {
		address_text(next, text);
		(void)json_object_set_new(answer, "next", json_string(text));
	}
	control_reply_json(p->reply, 200, answer);
	page_free(p);
}

static void page_slice(void *arg)
{
	struct leases_page *p = arg;
	struct dhcp_service *d = p->d;
	uint64_t now_ms = dhcp_now_ms(d);
	struct dhcp_lease l;
	size_t shown = 0;
	for (size_t seen = 0; seen < SLICE_SEEN && shown < SLICE_SHOWN; seen++) {
		if (!dhcp_engine_lease_from(d->engine, p->at, &l) ||
		    (p->filter.by_network && l.address > p->filter.last)) {
			page_end(p, 0);
			return;
		}
		uint32_t address = l.address;
		if (matches(&p->filter, &l, now_ms)) {
			if (json_array_size(p->list) == p->limit) {
				page_end(p, address);
				return;
			}
			(void)json_array_append_new(p->list, dhcp_lease_json(&l, d->site, now_ms));
			shown++;
		}
		if (address == UINT32_MAX) {
			page_end(p, 0);
			return;
		}
		p->at = address + 1;
	}
	loop_timer_set_after(&d->life.loop, &p->slice, 0);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool dhcp_mac_read(const char *text, uint8_t ret[6])
{
	enum { TEXT_LEN = 17, OCTET_LEN = 3 };
	uint8_t mac[6];
	if (strlen(text) != TEXT_LEN)
		return false;
	for (size_t i = 0; i < sizeof(mac); i++) {
		const char *at = text + OCTET_LEN * i;
		int high = hex_digit(at[0]), low = hex_digit(at[1]);
		if (high < 0 || low < 0 || (i + 1 < sizeof(mac) && at[2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, mac, sizeof(mac));
	return true;
}

bool dhcp_address_read(const char *text, uint32_t *ret)
{
	struct ip_address a;
	if (ip_address_parse(span_text(text), &a) || a.family != 4)
		return false;
	struct reader r = reader_of_span(ip_address_span(&a));
	*ret = read_u32(&r);
	return true;
}

static uint32_t last_of(uint32_t first, uint8_t bits)
{
	return first | (uint32_t)(UINT64_C(0xffffffff) >> bits);
}

/* A network's name, or a prefix. */
static bool network_read(const struct dhcp_site *site, const char *text, struct filter *f)
{
	const struct dhcp_network *networks;
	size_t n = dhcp_site_networks(site, &networks);
	struct ip_prefix prefix;
	f->by_network = true;
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(networks[i].name, text) == 0) {
			f->first = networks[i].subnet;
			f->last = last_of(f->first, networks[i].bits);
			return true;
		}
	if (ip_prefix_parse(span_text(text), &prefix) || prefix.address.family != 4)
		return false;
	struct reader r = reader_of_span(ip_address_span(&prefix.address));
	f->first = read_u32(&r);
	f->last = last_of(f->first, prefix.bits);
	return true;
}

static bool state_read(const char *text, enum dhcp_lease_state *ret)
{
	for (unsigned i = 1; i < STATES; i++)
		if (strcmp(state_names[i], text) == 0) {
			*ret = (enum dhcp_lease_state)i;
			return true;
		}
	return false;
}

/* NULL: all is well; else what to say. */
static const char *filter_read(const struct dhcp_service *d, const struct control_request *req,
			       struct leases_page *p)
{
	struct filter *f = &p->filter;
	const char *network = control_request_query(req, "network");
	const char *mac = control_request_query(req, "mac");
	const char *name = control_request_query(req, "name");
	const char *state = control_request_query(req, "state");
	const char *from = control_request_query(req, "from");
	const char *limit = control_request_query(req, "limit");
	uint64_t number = PAGE_DEFAULT;
	if (network && !network_read(d->site, network, f))
		return "network= must be a network's name or a prefix";
	p->at = f->first;
	f->by_mac = mac != NULL;
	if (mac && !dhcp_mac_read(mac, f->mac))
		return "mac= must be a MAC address, as 02:00:5e:00:53:01";
	if (name && !span_to_cstr(span_text(name), f->name, sizeof(f->name)))
		return "name= is longer than any name";
	f->by_state = state != NULL;
	if (state && !state_read(state, &f->state))
		return "state= must be offered, bound, released, expired, declined or conflict";
	if (from) {
		uint32_t at;
		if (!dhcp_address_read(from, &at))
			return "from= must be an IPv4 address";
		p->at = at > p->at ? at : p->at;
	}
	if (limit && (!span_to_u64(span_text(limit), PAGE_MAX, &number) || number == 0))
		return "limit= must be a number from 1 to 1000";
	p->limit = (size_t)number;
	return NULL;
}

void dhcp_leases_list(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct dhcp_service *d = arg;
	struct leases_page *p = calloc(1, sizeof(*p));
	if (!p) {
		control_reply_error(reply, 500, "out of memory");
		return;
	}
	const char *wrong = filter_read(d, req, p);
	if (wrong) {
		control_reply_error(reply, 400, wrong);
		free(p);
		return;
	}
	p->d = d;
	p->reply = reply;
	p->list = json_array();
	p->next = d->pages;
	p->link = &d->pages;
	if (p->next)
		p->next->link = &p->next;
	d->pages = p;
	loop_timer_init(&p->slice, page_slice, p);
	page_slice(p);
}

void dhcp_leases_stop(struct dhcp_service *d)
{
	while (d->pages) {
		control_reply_error(d->pages->reply, 503, "the service ends");
		page_free(d->pages);
	}
}

/* --- one --- */

bool dhcp_request_address(const struct control_request *req, struct control_reply *reply,
			  uint32_t *ret)
{
	const char *text = control_request_query(req, "address");
	if (text && dhcp_address_read(text, ret))
		return true;
	control_reply_error(reply, 400, "address= must be an IPv4 address");
	return false;
}

static void no_lease(struct control_reply *reply)
{
	control_reply_error(reply, 404, "there is no lease of this address");
}

void dhcp_lease_show(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct dhcp_service *d = arg;
	struct dhcp_lease l;
	uint32_t address;
	if (dhcp_request_is_v6(req)) {
		dhcp_lease6_show(d, req, reply);
		return;
	}
	if (!dhcp_request_address(req, reply, &address))
		return;
	if (dhcp_engine_lease(d->engine, address, &l))
		control_reply_json(reply, 200, dhcp_lease_json(&l, d->site, dhcp_now_ms(d)));
	else
		no_lease(reply);
}

void dhcp_lease_release(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct dhcp_service *d = arg;
	uint32_t address;
	if (dhcp_request_is_v6(req)) {
		dhcp_lease6_release(d, req, reply);
		return;
	}
	if (!dhcp_request_address(req, reply, &address))
		return;
	enum err e = dhcp_engine_release(d->engine, dhcp_now_ms(d), address);
	if (e == ERR_ABSENT)
		no_lease(reply);
	else if (e)
		control_reply_error(reply, 503, err_text(e));
	else
		control_reply_json(reply, 200, json_pack("{s:b}", "released", 1));
}

void dhcp_lease_renew(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct dhcp_service *d = arg;
	uint32_t address;
	if (dhcp_request_is_v6(req)) {
		dhcp_lease6_renew(d, req, reply);
		return;
	}
	if (!dhcp_request_address(req, reply, &address))
		return;
	enum err e = dhcp_engine_force_renew(d->engine, dhcp_now_ms(d), address);
	if (e == ERR_ABSENT)
		no_lease(reply);
	else if (e == ERR_UNSUPPORTED)
		control_reply_error(reply, 409,
				    "this client did not say that it can be asked to renew "
				    "(RFC 6704)");
	else if (e)
		control_reply_error(reply, 503, err_text(e));
	else
		control_reply_json(reply, 200, json_pack("{s:b}", "asked", 1));
}
