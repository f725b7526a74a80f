#include "service/dhcp/io_reserve.h"

#include "base/writer.h"
#include "proto/ip/address.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/io_leases.h"
#include "service/dhcp/pattern.h"
#include "store/worker.h"

#include <stdlib.h>

enum { YAML_MAX = 2 * RESERVED_TEXT_MAX };

/* What the request says, and whom the answer is owed. */
struct asked {
	struct control_reply *reply;
	uint32_t address;
	bool remove;
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

/* Who has the address now: by what the client calls itself, else by its MAC. */
static bool holder_of(const struct dhcp_service *d, struct asked *a)
{
	struct dhcp_lease l;
	if (!dhcp_engine_lease(d->engine, a->address, &l))
		return false;
	bool by_id = l.client_id.len > 0;
	struct span s = by_id ? l.client_id : span_of(l.mac, l.mac_len);
	struct writer w = by_id ? writer_of(a->client_id, sizeof(a->client_id) - 1)
				: writer_of(a->mac, sizeof(a->mac) - 1);
	if (by_id)
		write_text(&w, "hex:");
	for (size_t i = 0; i < s.len; i++)
		write_format(&w, "%s%02x", i && !by_id ? ":" : "", s.data[i]);
	if (!a->name[0] && l.name.len)
		(void)span_to_cstr(l.name, a->name, sizeof(a->name));
	return s.len && !w.bad;
}

/* NULL: all is well; else what to say. */
static const char *identity_read(const struct dhcp_service *d, const struct control_request *req,
				 struct asked *a)
{
	uint8_t octets[6], room[DHCP_IDENTITY_MAX];
	struct writer w = writer_of(room, sizeof(room));
	const char *mac = control_request_query(req, "mac");
	const char *client_id = control_request_query(req, "client-id");
	const char *name = control_request_query(req, "name");
	if (mac && client_id)
		return "mac= and client-id= exclude each other";
	if (name &&
	    (!span_to_cstr(span_text(name), a->name, sizeof(a->name)) || !is_host_name(a->name)))
		return "name= must be a host name";
	if (mac &&
	    (!dhcp_mac_read(mac, octets) || !span_to_cstr(span_text(mac), a->mac, sizeof(a->mac))))
		return "mac= must be a MAC address, as 02:00:5e:00:53:01";
	if (client_id && (!span_to_cstr(span_text(client_id), a->client_id, sizeof(a->client_id)) ||
			  dhcp_octets_parse(span_text(client_id), &w)))
		return "client-id= must be text, or octets as hex:01aabbcc";
	if (!mac && !client_id && !holder_of(d, a))
		return "nobody has this address now: mac= or client-id= says for whom it is";
	return NULL;
}

/* --- asking the store --- */

/* False: it has no room now. The rest of a was read. */
static bool put(struct dhcp_service *d, struct asked *a)
{
	struct store_request *r = store_worker_take(d->worker);
	if (!r)
		return false;
	const struct reserved_entry entry = {.address = a->address,
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
	r->key_len = DHCP_LEASE_KEY_LEN;
	dhcp_lease_key(a->address, r->key);
	r->value_len = (uint16_t)w.pos;
	r->arg = a;
	store_worker_put(d->worker, r);
	return true;
}

static const char *refuse(const struct dhcp_service *d, const struct asked *a, int *ret_status)
{
	const struct dhcp_network *n = dhcp_site_network_of(d->site, a->address);
	const struct reserved_entry *ours = reserved_find(&d->reserved, a->address);
	*ret_status = 409;
	if (a->remove) {
		*ret_status = ours ? 0 : 404;
		return "no reservation of this address was made by this command";
	}
	if (!n) {
		*ret_status = 404;
		return "no network of the configuration has this address";
	}
	if (!ours && dhcp_network_reserved(n, a->address))
		return "the configuration reserves this address already";
	*ret_status = 0;
	return "";
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
	if (!dhcp_request_address(req, reply, &a->address)) {
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
static json_t *answer_of(const struct asked *a, const char *address)
{
	char yaml[YAML_MAX];
	struct writer w = writer_of(yaml, sizeof(yaml));
	json_t *o =
		json_pack("{s:s,s:b}", "address", address, a->remove ? "removed" : "reserved", 1);
	if (a->remove)
		return o;
	write_format(&w, "{%s: \"%s\", address: %s", a->mac[0] ? "mac" : "client-id",
		     a->mac[0] ? a->mac : a->client_id, address);
	if (a->name[0])
		write_format(&w, ", name: %s", a->name);
	write_text(&w, "}");
	(void)json_object_set_new(o, a->mac[0] ? "mac" : "client_id",
				  json_string(a->mac[0] ? a->mac : a->client_id));
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
	char address[IP_ADDRESS_TEXT_MAX];
	enum err e = r->result;
	if (r->remove)
		value.len = 0;
	if (!e || (e == ERR_ABSENT && r->remove))
		e = reserved_learn(&d->reserved, key, value,
				   r->ret_version ? r->ret_version : UINT64_MAX);
	const struct ip_address shown =
		ip_address_v4((uint8_t)(a->address >> 24), (uint8_t)(a->address >> 16),
			      (uint8_t)(a->address >> 8), (uint8_t)a->address);
	(void)ip_address_format(&shown, address);
	if (e)
		control_reply_error(a->reply, 503, err_text(e));
	else
		control_reply_json(a->reply, 200, answer_of(a, address));
	free(a);
}
