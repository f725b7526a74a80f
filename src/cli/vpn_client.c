#include "cli/vpn_client.h"

#include "proto/wireguard/wg_quick.h"

enum { ADDRESSES_MAX = 4, DNS_MAX = 16, ALLOWED_MAX = 256 };

static struct span text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return span_text(text ? text : "");
}

static enum err prefixes_read(const json_t *list, struct ip_prefix *ret, size_t max, size_t *ret_n)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > max)
		return ERR_FORMAT;
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		TRY(ip_prefix_parse(span_text(text ? text : ""), &ret[i]));
	}
	*ret_n = json_array_size(list);
	return OK;
}

static enum err addresses_read(const json_t *list, struct ip_address *ret, size_t max,
			       size_t *ret_n)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > max)
		return ERR_FORMAT;
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		TRY(ip_address_parse(span_text(text ? text : ""), &ret[i]));
	}
	*ret_n = json_array_size(list);
	return OK;
}

enum err vpn_client_write(const json_t *o, struct span private_key, struct writer *w)
{
	struct ip_prefix addresses[ADDRESSES_MAX], allowed[ALLOWED_MAX];
	struct ip_address dns[DNS_MAX];
	struct wg_quick_client c = {
		.private_key = private_key,
		.addresses = addresses,
		.dns = dns,
		.search = text_of(o, "search"),
		.mtu = (uint32_t)json_integer_value(json_object_get(o, "mtu")),
		.public_key = text_of(o, "public_key"),
		.preshared_key = text_of(o, "preshared_key"),
		.endpoint = text_of(o, "endpoint"),
		.allowed = allowed,
		.keepalive_s = (uint16_t)json_integer_value(json_object_get(o, "keepalive_s")),
	};

	TRY(prefixes_read(json_object_get(o, "addresses"), addresses, ADDRESSES_MAX,
			  &c.addresses_n));
	TRY(prefixes_read(json_object_get(o, "allowed_ips"), allowed, ALLOWED_MAX, &c.allowed_n));
	TRY(addresses_read(json_object_get(o, "dns"), dns, DNS_MAX, &c.dns_n));
	if (!c.public_key.len || !c.endpoint.len)
		return ERR_FORMAT;
	wg_quick_write(w, &c);
	return writer_check(w);
}
