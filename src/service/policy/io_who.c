#include "service/policy/io_who.h"

#include "base/writer.h"
#include "service/policy/conf.h"

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

static void set_span(json_t *o, const char *key, struct span s)
{
	if (s.len)
		set(o, key, json_stringn((const char *)s.data, s.len));
}

void policy_who_read(const struct policy_held *held, const char *text, uint64_t now_s,
		     struct policy_identity *ret)
{
	struct ip_address at = {0};
	struct span name = span_text(text);
	if (ip_address_parse(name, &at) == OK) {
		policy_identify(held ? policy_held_all_tables(held) : NULL, &at, now_s, ret);
		return;
	}
	*ret = (struct policy_identity){.until_s = UINT64_MAX};
	ret->client.has_mac = policy_conf_mac(text, ret->client.mac);
	if (!ret->client.has_mac)
		ret->client.lease = ret->client.peer = ret->client.user = name;
}

static void set_octets(json_t *o, const char *key, const uint8_t *octets, size_t len,
		       const char *between)
{
	char text[3 * POLICY_DEVICE_DUID_MAX + 1];
	struct writer w = writer_of(text, sizeof(text));
	for (size_t i = 0; i < len; i++)
		write_format(&w, "%s%02x", i ? between : "", octets[i]);
	if (len)
		set_span(o, key, writer_span(&w));
}

json_t *policy_who_json(const struct policy_identity *i)
{
	char text[IP_ADDRESS_TEXT_MAX];
	json_t *o = json_object();
	if (i->client.address.family) {
		(void)ip_address_format(&i->client.address, text);
		set(o, "address", json_string(text));
	}
	set_span(o, "lease", i->client.lease);
	if (i->client.has_mac)
		set_octets(o, "mac", i->client.mac, sizeof(i->client.mac), ":");
	if (i->client.has_mac && i->client.address.family)
		set(o, "mac_from", json_string(i->is_neighbour ? "neighbour" : "lease"));
	set_octets(o, "duid", i->duid, i->duid_len, "");
	set_span(o, "peer", i->client.peer);
	set_span(o, "user", i->client.user);
	if (i->differs)
		set(o, "not_its_lease", json_true());
	return o;
}
