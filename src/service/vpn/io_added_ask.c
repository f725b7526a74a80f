#include "crypto/secret.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_added.h"
#include "service/vpn/io_vpn.h"

/* --- what is asked --- */

/* The interface that is named, or the only one. */
static const struct vpn_interface_conf *interface_of(const struct vpn *v, const char *name)
{
	const struct vpn_conf *conf = vpn_conf_of(v);

	if (name)
		return vpn_conf_interface_named(conf, name);
	return conf->interfaces.n == 1 ? vpn_conf_interface(conf, 0) : NULL;
}

static bool who_read(const json_t *list, char (*ret)[ADDED_WHO_LEN_MAX + 1], size_t *ret_n)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) > ADDED_WHO_MAX)
		return false;
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		if (!text || !*text || strlen(text) > ADDED_WHO_LEN_MAX)
			return false;
		(void)span_to_cstr(span_text(text), ret[i], sizeof(ret[i]));
	}
	*ret_n = json_array_size(list);
	return true;
}

static bool networks_read(const json_t *list, struct ip_prefix ret[ADDED_ROUTES_MAX], size_t *ret_n)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) > ADDED_ROUTES_MAX)
		return false;
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		if (!text || ip_prefix_parse(span_text(text), &ret[i]))
			return false;
	}
	*ret_n = json_array_size(list);
	return true;
}

static bool rate_read(const json_t *text, uint64_t *ret)
{
	return !text || (json_is_string(text) &&
			 vpn_text_rate(span_text(json_string_value(text)), ret) == OK);
}

static bool times_read(const json_t *body, struct added *ret, const char **ret_why)
{
	const char *expires = json_string_value(json_object_get(body, "expires"));
	const json_t *keepalive = json_object_get(body, "keepalive_s");

	*ret_why = "expires is no date: 2027-12-31, or 2027-12-31T18:00 in UTC";
	if (expires && vpn_text_date(span_text(expires), &ret->expires_s))
		return false;
	*ret_why = "keepalive_s is 0 to 65535 seconds";
	if (keepalive && (!json_is_integer(keepalive) || json_integer_value(keepalive) < 0 ||
			  json_integer_value(keepalive) > UINT16_MAX))
		return false;
	ret->has_keepalive = keepalive != NULL;
	ret->keepalive_s = (uint16_t)json_integer_value(keepalive);
	return true;
}

static bool lists_read(const struct vpn *v, const json_t *body, struct added *ret,
		       const char **ret_why)
{
	*ret_why = "routes are at most 32 networks, as 192.168.7.0/24";
	if (!networks_read(json_object_get(body, "routes"), ret->routes, &ret->routes_n))
		return false;
	*ret_why = "reach is at most 32 networks, as 192.168.7.0/24";
	if (!networks_read(json_object_get(body, "reach"), ret->reach, &ret->reach_n))
		return false;
	*ret_why = "up and down are rates, as 20Mbit";
	if (!rate_read(json_object_get(body, "up"), &ret->up_bits) ||
	    !rate_read(json_object_get(body, "down"), &ret->down_bits))
		return false;
	*ret_why = "users and roles are at most 16 names each";
	if (!who_read(json_object_get(body, "users"), ret->users, &ret->users_n) ||
	    !who_read(json_object_get(body, "roles"), ret->roles, &ret->roles_n))
		return false;
	*ret_why = "there is no `sign-in` in the configuration";
	ret->sign_in = json_is_true(json_object_get(body, "sign_in"));
	if (ret->sign_in && !vpn_conf_of(v)->has_sign_in)
		return false;
	*ret_why = "users and roles are for a peer that signs in";
	return ret->sign_in || (!ret->users_n && !ret->roles_n);
}

bool vpn_added_read(struct vpn *v, const json_t *body, struct added *ret, const char **ret_why)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *device = json_string_value(json_object_get(body, "interface"));
	const char *key = json_string_value(json_object_get(body, "public_key"));
	const struct vpn_interface_conf *conf = interface_of(v, device);

	*ret_why = "a name is small letters, digits and hyphens, 63 at most";
	if (!name || !added_name_is_right(span_text(name)))
		return false;
	(void)span_to_cstr(span_text(name), ret->name, sizeof(ret->name));
	*ret_why =
		device ? "there is no such interface" : "there are several interfaces: say which";
	if (!conf || !vpn_interface_find(v, conf->name))
		return false;
	(void)span_to_cstr(span_text(conf->name), ret->device, sizeof(ret->device));
	*ret_why = "public_key is no key in base64";
	if (!key || wg_key_read_base64(span_text(key), ret->public_key) ||
	    wg_key_is_zero(ret->public_key))
		return false;
	*ret_why = "clients would not know where this gateway is: write `clients: {endpoint: "
		   "HOST:PORT}` of the interface";
	if (!conf->clients.endpoint)
		return false;
	return times_read(body, ret, ret_why) && lists_read(v, body, ret, ret_why);
}

/* --- addresses --- */

struct choice {
	const struct vpn_interface *f;
	const struct vpn_interface_conf *conf;
	const struct vpn_added *added;
	unsigned bits; /* of the network */
};

/* A peer's whole network that holds this one leaves it free: it is less than what we look in. */
static bool is_a_peers(const struct choice *c, const struct ip_address *a)
{
	const struct vpn_peer *p = vpn_engine_peer_at(c->f->engine, a);

	for (const struct vpn_allowed *x = p ? p->allowed : NULL; x; x = x->next)
		if (x->prefix.bits >= c->bits && ip_prefix_contains(&x->prefix, a))
			return true;
	return false;
}

static bool is_taken(void *arg, const struct ip_address *a)
{
	const struct choice *c = arg;
	const struct added_entry *e;
	struct vpn_device_address own;

	for (size_t i = 0; i < c->conf->addresses.n; i++)
		if (!vpn_conf_address(c->conf, i, &own) && ip_address_equal(&own.address, a))
			return true;
	if (is_a_peers(c, a))
		return true;
	/* Those that are being written, or that wait for their interface, or whose names go yet. */
	for (size_t at = 0; (e = vpn_added_next(c->added, &at));)
		for (size_t i = 0; i < e->a.addresses_n; i++)
			if (ip_address_equal(&e->a.addresses[i], a))
				return true;
	return false;
}

/* The next network of that family, from *at on. */
static bool network_next(const struct vpn_interface_conf *conf, unsigned family, size_t *at,
			 struct ip_prefix *ret)
{
	const struct ip_prefix *pools = conf->clients.pools.items;
	struct vpn_device_address own;

	for (; conf->clients.pools.n && *at < conf->clients.pools.n; (*at)++)
		if (pools[*at].address.family == family) {
			*ret = pools[(*at)++];
			return true;
		}
	for (; !conf->clients.pools.n && *at < conf->addresses.n; (*at)++)
		if (!vpn_conf_address(conf, *at, &own) && own.address.family == family) {
			(*at)++;
			*ret = ip_prefix_of(&own.address, own.bits);
			return true;
		}
	return false;
}

/* ERR_ABSENT: the interface has no network of the family. */
static enum err choose(struct choice *c, unsigned family, const struct ip_address *like,
		       const struct ip_prefix *like_network, struct ip_address *ret,
		       struct ip_prefix *ret_network)
{
	struct ip_prefix network;
	enum err e = ERR_ABSENT;

	for (size_t at = 0; e && network_next(c->conf, family, &at, &network);) {
		const struct added_pick pick = {.network = &network,
						.like = like,
						.like_network = like_network,
						.taken = is_taken,
						.arg = c};
		c->bits = network.bits;
		e = added_pick(&pick, ret);
	}
	if (!e)
		*ret_network = network;
	return e;
}

enum err vpn_added_choose(const struct vpn_interface *f, const struct vpn_interface_conf *conf,
			  const struct vpn_added *n, struct added *a)
{
	struct choice c = {.f = f, .conf = conf, .added = n};
	struct ip_prefix four, six;

	a->addresses_n = 0;
	enum err e = choose(&c, 4, NULL, NULL, &a->addresses[0], &four);
	if (e && e != ERR_ABSENT)
		return e;
	bool has4 = !e;
	e = choose(&c, 6, has4 ? &a->addresses[0] : NULL, has4 ? &four : NULL, &a->addresses[has4],
		   &six);
	if (e && (e != ERR_ABSENT || !has4))
		return e == ERR_ABSENT ? ERR_LIMIT : e;
	a->addresses_n = (size_t)has4 + !e;
	return OK;
}

/* --- the client's file --- */

static json_t *key_json(const uint8_t key[WG_KEY_LEN])
{
	char text[WG_KEY_BASE64_LEN + 1];

	wg_key_write_base64(key, text);
	json_t *value = json_string(text);
	crypto_wipe(text, sizeof(text));
	return value;
}

static json_t *addresses_json(const struct added *a)
{
	json_t *list = json_array();
	char text[IP_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < a->addresses_n; i++) {
		struct ip_prefix p = ip_prefix_of(&a->addresses[i], 128);
		ip_prefix_format(&p, text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *dns_json(const struct vpn_interface_conf *conf)
{
	const struct ip_address *dns = conf->clients.dns.items;
	struct vpn_device_address own;
	char text[IP_ADDRESS_TEXT_MAX];
	json_t *list = json_array();

	for (size_t i = 0; i < conf->clients.dns.n; i++) {
		ip_address_format(&dns[i], text);
		json_array_append_new(list, json_string(text));
	}
	for (size_t i = 0; conf->clients.dns.n == 0 && i < conf->addresses.n; i++)
		if (!vpn_conf_address(conf, i, &own)) {
			ip_address_format(&own.address, text);
			json_array_append_new(list, json_string(text));
		}
	return list;
}

static json_t *routes_json(const struct added *a, const struct vpn_interface_conf *conf)
{
	const struct ip_prefix *routes = a->routes_n ? a->routes : conf->clients.allowed.items;
	size_t n = a->routes_n ? a->routes_n : conf->clients.allowed.n;
	char text[IP_PREFIX_TEXT_MAX];
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		ip_prefix_format(&routes[i], text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

json_t *vpn_added_client_json(const struct vpn *v, const struct added *a)
{
	const struct vpn_interface_conf *conf = vpn_conf_interface_named(vpn_conf_of(v), a->device);
	char text[DNS_NAME_TEXT_MAX];
	uint8_t key[WG_KEY_LEN];

	for (size_t i = 0; conf && i < v->interfaces_n; i++)
		if (strcmp(v->interfaces[i].name, a->device) == 0)
			(void)vpn_engine_public_key(v->interfaces[i].engine, key);
	if (!conf)
		return NULL;
	uint64_t keepalive_s =
		a->has_keepalive ? a->keepalive_s : conf->clients.keepalive_ms / 1000;
	json_t *o =
		json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:b}", "name", a->name,
			  "interface", a->device, "client_public_key", key_json(a->public_key),
			  "addresses", addresses_json(a), "dns", dns_json(conf), "public_key",
			  key_json(key), "preshared_key", key_json(a->preshared_key), "allowed_ips",
			  routes_json(a, conf), "keepalive_s", (json_int_t)keepalive_s, "mtu",
			  (json_int_t)conf->mtu, "sign_in", a->sign_in);
	if (conf->clients.endpoint)
		json_object_set_new(o, "endpoint", json_string(conf->clients.endpoint));
	if (conf->domain.len) {
		dns_name_format(&conf->domain, text);
		size_t len = strlen(text);
		json_object_set_new(
			o, "search",
			json_stringn(text, len && text[len - 1] == '.' ? len - 1 : len));
	}
	if (a->expires_s) {
		char date[VPN_TEXT_DATE_MAX];
		vpn_text_date_format(a->expires_s, date);
		json_object_set_new(o, "expires", json_string(date));
	}
	return o;
}
