#include "service/dhcp/io_reserve.h"

#include "base/writer.h"
#include "proto/ip/address.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/conf6_check.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/io_leases.h"
#include "service/dhcp/pattern.h"
#include "store/worker.h"

#include <stdlib.h>

enum { YAML_MAX = 2 * RESERVED_TEXT_MAX };

static const char already[] = "the configuration reserves this address already";

/* What the request says, and whom the answer is owed. */
struct asked {
	struct control_reply *reply;
	struct ip_prefix lease;
	bool remove;
	/* client_id: of IPv6 the DUID */
	char mac[32], client_id[RESERVED_TEXT_MAX + 1], name[DHCP_LEASE_NAME_MAX + 1];
};

/* --- understanding --- */

/* As in a host's name: letters, digits, hyphens inside, dots between (RFC 1123 2.1). */
static bool is_host_name(const char *name)
{
	size_t label = 0;
	for (const char *c = name; *c; c++) {
		bool alnum = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9');
		bool ends = c[1] == '\0' || c[1] == '.';
		if (*c == '.' ? label == 0 || ends : !alnum && (*c != '-' || label == 0 || ends))
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return name[0] != '\0';
}

static bool is_v6(const struct asked *a)
{
	return a->lease.address.family == 6;
}

static void name_after(struct asked *a, struct span name)
{
	if (!a->name[0] && name.len)
		(void)span_to_cstr(name, a->name, sizeof(a->name));
}

static bool holder_of6(const struct dhcp_service *d, struct asked *a)
{
	struct v6_lease_view l;
	struct writer w = writer_of(a->client_id, sizeof(a->client_id) - 1);
	if (!d->v6.engine || !v6_engine_lease(d->v6.engine, &a->lease, &l))
		return false;
	for (size_t i = 0; i < l.duid.len; i++)
		write_format(&w, "%s%02x", i ? ":" : "", l.duid.data[i]);
	name_after(a, l.name);
	return l.duid.len && !w.bad;
}

/* Who has the address now: by what the client calls itself, else by its MAC. */
static bool holder_of(const struct dhcp_service *d, struct asked *a)
{
	struct dhcp_lease l;
	if (is_v6(a))
		return holder_of6(d, a);
	if (!dhcp_engine_lease(d->engine, dhcp_conf_v4(&a->lease.address), &l))
		return false;
	bool by_id = l.client_id.len > 0;
	struct span s = by_id ? l.client_id : span_of(l.mac, l.mac_len);
	struct writer w = by_id ? writer_of(a->client_id, sizeof(a->client_id) - 1)
				: writer_of(a->mac, sizeof(a->mac) - 1);
	if (by_id)
		write_text(&w, "hex:");
	for (size_t i = 0; i < s.len; i++)
		write_format(&w, "%s%02x", i && !by_id ? ":" : "", s.data[i]);
	name_after(a, l.name);
	return s.len && !w.bad;
}

static const char *identity6_read(const struct control_request *req, struct asked *a)
{
	const char *mac = control_request_query(req, "mac");
	const char *duid = control_request_query(req, "duid");
	if (control_request_query(req, "client-id"))
		return "client-id= is of IPv4; clients of IPv6 have a duid=";
	if (mac && duid)
		return "mac= and duid= exclude each other";
	if (mac && (!v6_conf_is_mac(mac) || !span_to_cstr(span_text(mac), a->mac, sizeof(a->mac))))
		return "mac= must be a link-layer address, as 02:00:5e:00:53:01";
	if (duid && (!v6_conf_is_duid(duid) ||
		     !span_to_cstr(span_text(duid), a->client_id, sizeof(a->client_id))))
		return "duid= must be a DUID, as 00:03:00:01:02:00:5e:00:53:01";
	return NULL;
}

static const char *identity4_read(const struct control_request *req, struct asked *a)
{
	uint8_t octets[6], room[DHCP_IDENTITY_MAX];
	struct writer w = writer_of(room, sizeof(room));
	const char *mac = control_request_query(req, "mac");
	const char *client_id = control_request_query(req, "client-id");
	if (control_request_query(req, "duid"))
		return "duid= is of IPv6; clients of IPv4 have a client-id=";
	if (mac && client_id)
		return "mac= and client-id= exclude each other";
	if (mac &&
	    (!dhcp_mac_read(mac, octets) || !span_to_cstr(span_text(mac), a->mac, sizeof(a->mac))))
		return "mac= must be a MAC address, as 02:00:5e:00:53:01";
	if (client_id && (!span_to_cstr(span_text(client_id), a->client_id, sizeof(a->client_id)) ||
			  dhcp_octets_parse(span_text(client_id), &w)))
		return "client-id= must be text, or octets as hex:01aabbcc";
	return NULL;
}

/* NULL: all is well; else what to say. */
static const char *identity_read(const struct dhcp_service *d, const struct control_request *req,
				 struct asked *a)
{
	const char *name = control_request_query(req, "name");
	const char *wrong = is_v6(a) ? identity6_read(req, a) : identity4_read(req, a);
	if (wrong)
		return wrong;
	if (name &&
	    (!span_to_cstr(span_text(name), a->name, sizeof(a->name)) || !is_host_name(a->name)))
		return "name= must be a host name";
	if (!a->mac[0] && !a->client_id[0] && !holder_of(d, a))
		return is_v6(a) ? "nobody has this now: mac= or duid= says for whom it is"
				: "nobody has this address now: mac= or client-id= says for whom "
				  "it is";
	return NULL;
}

/* --- asking the store --- */

/* False: it has no room now. The rest of a was read. */
static bool put(struct dhcp_service *d, struct asked *a)
{
	struct store_request *r = store_worker_take(d->worker);
	if (!r)
		return false;
	const struct reserved_entry entry = {.lease = a->lease,
					     .mac = a->mac[0] ? a->mac : NULL,
					     .client_id = a->client_id[0] ? a->client_id : NULL,
					     .name = a->name[0] ? a->name : NULL};
	struct writer w = writer_of(r->value, DHCP_LEASE_STORED_MAX);
	if (!a->remove)
		reserved_write(&entry, &w);
	ASSERT(!w.bad);
	r->table = DHCP_TABLE_RESERVED;
	r->expect = STORE_EXPECT_ANY;
	r->remove = a->remove;
	r->key_len = (uint16_t)reserved_key(&a->lease, r->key);
	r->value_len = (uint16_t)w.pos;
	r->arg = a;
	store_worker_put(d->worker, r);
	return true;
}

/* Does the configuration have a place for it, and reserves it not? NULL: so it is. */
static const char *refuse4(const struct dhcp_service *d, const struct asked *a, bool ours)
{
	uint32_t address = dhcp_conf_v4(&a->lease.address);
	const struct dhcp_network *n = dhcp_site_network_of(d->site, address);
	if (!n)
		return "no network of the configuration has this address";
	return !ours && dhcp_network_reserved(n, address) ? already : NULL;
}

static const char *refuse6(const struct dhcp_service *d, const struct asked *a, bool ours)
{
	const struct v6_network *n = v6_site_network_for(d->v6.site, &a->lease);
	if (!n)
		return a->lease.bits == 128 ? "no network of the configuration has this address"
					    : "no pool delegates this prefix";
	return !ours && v6_link_reserved(n, &a->lease) ? already : NULL;
}

static const char *refuse(const struct dhcp_service *d, const struct asked *a, int *ret_status)
{
	bool ours = reserved_find(&d->reserved, &a->lease) != NULL;
	*ret_status = 0;
	if (a->remove) {
		*ret_status = ours ? 0 : 404;
		return "no reservation of this address was made by this command";
	}
	const char *wrong = is_v6(a) ? refuse6(d, a, ours) : refuse4(d, a, ours);
	if (wrong)
		*ret_status = wrong == already ? 409 : 404;
	return wrong;
}

/* address= of either family, or a prefix. False: the answer was given. */
static bool lease_read(const struct control_request *req, struct control_reply *reply,
		       struct ip_prefix *ret)
{
	uint32_t address;
	if (dhcp_request_is_v6(req)) {
		const char *text = control_request_query(req, "address");
		if (!ip_prefix_parse(span_text(text), ret) && ret->address.family == 6)
			return true;
		control_reply_error(reply, 400, "address= must be an address, or a prefix");
		return false;
	}
	if (!dhcp_request_address(req, reply, &address))
		return false;
	*ret = (struct ip_prefix){
		.address = ip_address_v4((uint8_t)(address >> 24), (uint8_t)(address >> 16),
					 (uint8_t)(address >> 8), (uint8_t)address),
		.bits = 32};
	return true;
}

void dhcp_lease_reserve(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct dhcp_service *d = arg;
	struct asked *a = calloc(1, sizeof(*a));
	int status = 0;
	if (!a) {
		control_reply_error(reply, 500, "out of memory");
		return;
	}
	if (!lease_read(req, reply, &a->lease)) {
		free(a);
		return;
	}
	a->reply = reply;
	a->remove = control_request_query(req, "remove") != NULL;
	const char *wrong = a->remove ? NULL : identity_read(d, req, a);
	if (wrong) {
		status = 400;
	} else {
		wrong = refuse(d, a, &status);
		if (!status && !put(d, a)) {
			status = 503;
			wrong = "the store is busy; try again";
		}
	}
	if (status) {
		control_reply_error(reply, status, wrong);
		free(a);
	}
}

/* --- the answer --- */

/* How the same stands in the configuration, for who wants it there. */
static json_t *answer_of(const struct asked *a)
{
	char yaml[YAML_MAX], lease[IP_PREFIX_TEXT_MAX];
	struct writer w = writer_of(yaml, sizeof(yaml));
	bool is_prefix = is_v6(a) && a->lease.bits < 128, by_mac = a->mac[0] != '\0';
	const char *who = by_mac ? "mac" : is_v6(a) ? "duid" : "client-id";
	if (is_prefix)
		(void)ip_prefix_format(&a->lease, lease);
	else
		(void)ip_address_format(&a->lease.address, lease);
	json_t *o = json_pack("{s:s,s:b}", "address", lease, a->remove ? "removed" : "reserved", 1);
	if (a->remove)
		return o;
	write_format(&w, "{%s: \"%s\", %s: %s%s%s", who, by_mac ? a->mac : a->client_id,
		     is_prefix ? "prefix" : "address", is_v6(a) ? "\"" : "", lease,
		     is_v6(a) ? "\"" : "");
	if (a->name[0])
		write_format(&w, ", name: %s", a->name);
	write_text(&w, "}");
	(void)json_object_set_new(o,
				  by_mac     ? "mac"
				  : is_v6(a) ? "duid"
					     : "client_id",
				  json_string(by_mac ? a->mac : a->client_id));
	if (a->name[0])
		(void)json_object_set_new(o, "name", json_string(a->name));
	if (!w.bad)
		(void)json_object_set_new(o, "yaml", json_stringn(yaml, w.pos));
	return o;
}

void dhcp_reserve_stored(struct dhcp_service *d, struct store_request *r)
{
	struct asked *a = TAKE(r->arg);
	struct span key = span_of(r->key, r->key_len), value = span_of(r->value, r->value_len);
	enum err e = r->result;
	if (r->remove)
		value.len = 0;
	if (!e || (e == ERR_ABSENT && r->remove))
		e = reserved_learn(&d->reserved, key, value,
				   r->ret_version ? r->ret_version : UINT64_MAX);
	if (e)
		control_reply_error(a->reply, 503, err_text(e));
	else
		control_reply_json(a->reply, 200, answer_of(a));
	free(a);
}
