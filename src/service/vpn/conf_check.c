/* Judges the keys of `vpn` together. */
#include "base/writer.h"
#include "crypto/secret.h"
#include "proto/dns/text.h"
#include "proto/wireguard/key.h"
#include "service/vpn/conf_inner.h"

#define KEY_LEN	     32
#define TSIG_LEN_MIN 16
#define MTU_MIN_V6   1280 /* RFC 8200 5 */

enum err vpn_conf_key(struct span text, uint8_t ret[KEY_LEN])
{
	return wg_key_read_base64(span_trim(text), ret);
}

bool vpn_conf_tsig_secret_is_right(struct span text)
{
	uint8_t octets[SECRET_LEN_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	bool whole = dns_text_decode_all(DNS_TEXT_BASE64, span_trim(text), &w) && !w.bad;
	crypto_wipe(octets, sizeof(octets));
	return whole && w.pos >= TSIG_LEN_MIN;
}

/* --- interfaces ------------------------------------------------------------------------------- */

static void check_device(const struct vpn_conf *c, size_t i, struct config_at *at)
{
	const char *name = vpn_conf_interface(c, i)->name;
	bool right = strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strlen(name) != 0;
	for (const char *o = name; *o; o++)
		right &= *o > ' ' && *o != '/' && *o != ':' && *o != '%' && *o < 0x7f;
	if (!right)
		config_fail_item(at, "interfaces", i, "'%s' cannot be the name of a device", name);
}

/* Two interfaces on one port would both get what is for the other. */
static void check_listen(const struct vpn_conf *c, size_t i, struct config_at *at)
{
	const struct config_list *list = &vpn_conf_interface(c, i)->listen;
	const struct ip_endpoint *listen = list->items;
	for (size_t l = 0; l < list->n; l++) {
		struct config_step steps[] = {{"interfaces", i}, {"listen", l}};
		if (l && listen[l].address.family == listen[0].address.family)
			config_fail_inside(at, steps, 2, "one address of IPv%d is there already",
					   listen[l].address.family);
		for (size_t o = 0; o < i; o++) {
			const struct config_list *others = &vpn_conf_interface(c, o)->listen;
			const struct ip_endpoint *other = others->items;
			for (size_t k = 0; k < others->n; k++)
				if (other[k].port == listen[l].port &&
				    other[k].address.family == listen[l].address.family)
					config_fail_inside(at, steps, 2,
							   "port %u is that of %s; write another "
							   "one",
							   listen[l].port,
							   vpn_conf_interface(c, o)->name);
		}
	}
}

static bool is_taken(const struct vpn_conf *c, size_t i, size_t a, const struct ip_address *address)
{
	struct vpn_device_address other;
	for (size_t o = 0; o <= i; o++) {
		const struct config_list *list = &vpn_conf_interface(c, o)->addresses;
		for (size_t k = 0; k < (o == i ? a : list->n); k++)
			if (vpn_conf_address(vpn_conf_interface(c, o), k, &other) == OK &&
			    ip_address_equal(&other.address, address))
				return true;
	}
	return false;
}

static void check_addresses(const struct vpn_conf *c, size_t i, struct config_at *at)
{
	const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
	for (size_t a = 0; a < f->addresses.n; a++) {
		struct config_step steps[] = {{"interfaces", i}, {"addresses", a}};
		struct vpn_device_address own;
		if (vpn_conf_address(f, a, &own) != OK) {
			config_fail_inside(at, steps, 2,
					   "expected an address with its network's length, as in "
					   "10.9.0.1/24");
			continue;
		}
		if (ip_address_is_multicast(&own.address) || ip_address_is_loopback(&own.address) ||
		    ip_address_is_unspecified(&own.address))
			config_fail_inside(at, steps, 2, "no device can have this address");
		if (is_taken(c, i, a, &own.address))
			config_fail_inside(at, steps, 2, "the address is here already");
		if (own.address.family == 6 && f->mtu < MTU_MIN_V6)
			config_fail_inside(at, steps, 2,
					   "IPv6 takes an `mtu` of at least %d (RFC 8200 5)",
					   MTU_MIN_V6);
	}
}

static void check_interface(const struct vpn_conf *c, size_t i, struct config_at *at)
{
	const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
	struct config_step key[] = {{"interfaces", i}, {"private-key", 0}};
	struct config_step endpoint[] = {
		{"interfaces", i}, {"clients", CONFIG_STEP_WHOLE}, {"endpoint", 0}};
	uint8_t octets[KEY_LEN];
	struct vpn_remote remote;
	check_device(c, i, at);
	check_listen(c, i, at);
	check_addresses(c, i, at);
	if (f->private_key.len && vpn_conf_key(f->private_key, octets))
		config_fail_inside(at, key, 2,
				   "expected a key: 32 octets in base64, as `wg genkey` prints it");
	crypto_wipe(octets, sizeof(octets));
	if (f->clients.endpoint && vpn_text_remote(span_text(f->clients.endpoint), &remote))
		config_fail_inside(at, endpoint, 3,
				   "expected an address or a name, and a port, as in "
				   "vpn.example.org:51820");
	if (f->clients.keepalive_ms % 1000)
		config_fail_inside(at,
				   (struct config_step[]){{"interfaces", i},
							  {"clients", CONFIG_STEP_WHOLE},
							  {"keepalive", 0}},
				   3, "expected whole seconds");
}

/* --- sign-in and names ------------------------------------------------------------------------ */

static bool is_own(const struct vpn_conf *c, const struct ip_address *address)
{
	struct vpn_device_address own;
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
		for (size_t a = 0; a < f->addresses.n; a++)
			if (vpn_conf_address(f, a, &own) == OK &&
			    ip_address_equal(&own.address, address))
				return true;
	}
	return false;
}

static void check_signin(const struct vpn_conf *c, struct config_at *at)
{
	if (c->serve_users && !c->has_sign_in)
		config_fail(at, "serve-users",
			    "how often somebody may try is in `sign-in`: write that too");
	const struct ip_address *addresses = c->sign_in.addresses.items;
	for (size_t a = 0; a < c->sign_in.addresses.n; a++)
		if (!is_own(c, &addresses[a]))
			config_fail_inside(at,
					   (struct config_step[]){{"sign-in", CONFIG_STEP_WHOLE},
								  {"addresses", a}},
					   2, "no interface has this address");
}

static void check_names(const struct vpn_conf *c, struct config_at *at)
{
	bool any = false;
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
		struct dns_name domain = f->domain, zone = c->names.zone;
		any |= domain.len != 0;
		if (!domain.len || !zone.len || !c->has_names)
			continue;
		dns_name_lower(&domain);
		dns_name_lower(&zone);
		if (!dns_name_is_under(&domain, &zone))
			config_fail_inside(at,
					   (struct config_step[]){{"interfaces", i}, {"domain", 0}},
					   2, "it does not lie in the `zone` of `names`");
	}
	if (c->has_names && !any)
		config_fail(at, "names", "no interface has a `domain` for its peers");
}

/* --- all of it -------------------------------------------------------------------------------- */

void vpn_conf_check(const void *conf, struct config_at *at)
{
	const struct vpn_conf *c = conf;
	size_t peers = 0;
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
		check_interface(c, i, at);
		for (size_t p = 0; p < f->peers.n; p++)
			vpn_conf_check_peer(c, i, p, at);
		peers += f->peers.n;
	}
	vpn_conf_check_shared(c, at);
	vpn_conf_check_routes(c, at);
	check_signin(c, at);
	check_names(c, at);
	if (peers > c->limits.peers)
		config_fail_inside(
			at, (struct config_step[]){{"limits", CONFIG_STEP_WHOLE}, {"peers", 0}}, 2,
			"%zu peers are configured", peers);
	if (c->store_key.len) {
		uint8_t octets[KEY_LEN];
		if (vpn_conf_key(c->store_key, octets))
			config_fail(at, "store-key", "expected 32 octets in base64");
		crypto_wipe(octets, sizeof(octets));
	}
}
