/* The configured options of an answer: values are copied as they were compiled. */
#include "base/reader.h"
#include "base/writer.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/message.h"
#include "proto/ip/address.h"
#include "service/dhcp/site_inner.h"

/* UEFI 2.10, 24.7: the server that offers HTTP boot says so in option 60. */
static const char http_client[] = "HTTPClient";

struct answer {
	const struct dhcp_client *client;
	const struct dhcp_network *network;
	struct dhcp_chain chain;
	struct span vendor_class;
	bool routes; /* classless routes were asked for and are sent: RFC 3442 */
	struct dhcp_build *b;
};

static const struct span *find(const struct dhcp_chain *c, uint8_t code)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct span *value = dhcp_scope_find(c->at[i], code);
		if (value)
			return value;
	}
	return NULL;
}

/* --- network boot --- */

static void boot_of(const struct dhcp_chain *c, struct dhcp_boot *ret)
{
	*ret = (struct dhcp_boot){0};
	for (unsigned i = 0; i < c->n; i++) {
		const struct dhcp_scope *s = c->at[i];
		if (ret->siaddr == 0)
			ret->siaddr = s->next_server;
		if (ret->sname.len == 0)
			ret->sname = s->server_name;
		if (ret->file.len == 0)
			ret->file = s->boot_file;
	}
}

void dhcp_site_boot(const struct dhcp_site *s, const struct dhcp_client *c,
		    const struct dhcp_network *n, const struct dhcp_pool *pool,
		    struct dhcp_boot *ret)
{
	struct dhcp_chain chain;
	struct dhcp_boot boot;

	dhcp_chain_of(s, c, n, pool, &chain);
	boot_of(&chain, &boot);
	if (boot.file.len >= DHCP_FILE_LEN) /* option 67 has it */
		boot.file = (struct span){0};
	*ret = boot;
}

static bool boots_by_http(const struct answer *a)
{
	size_t n = sizeof(http_client) - 1;

	return span_is(span_sub(a->vendor_class, 0, n), http_client);
}

static void add_server_name(const struct answer *a)
{
	char text[IP_ADDRESS_TEXT_MAX];
	struct dhcp_boot boot;

	boot_of(&a->chain, &boot);
	if (boot.sname.len) {
		dhcp_build_option(a->b, DHCP_OPT_TFTP_SERVER_NAME, boot.sname);
	} else if (boot.siaddr) {
		struct ip_address address = {.family = 4};
		put_u32(address.bytes, boot.siaddr);
		size_t n = ip_address_format(&address, text);
		dhcp_build_option(a->b, DHCP_OPT_TFTP_SERVER_NAME, span_of(text, n));
	}
}

static void add_boot_file(const struct answer *a)
{
	struct dhcp_boot boot;

	boot_of(&a->chain, &boot);
	if (boot.file.len)
		dhcp_build_option(a->b, DHCP_OPT_BOOTFILE_NAME, boot.file);
}

/* What the firmware needs to know though it does not always ask. */
static void add_boot(const struct answer *a)
{
	struct dhcp_boot boot;

	boot_of(&a->chain, &boot);
	if (boot.file.len >= DHCP_FILE_LEN)
		add_boot_file(a);
	if (!boots_by_http(a) || (boot.file.len == 0 && !find(&a->chain, DHCP_OPT_BOOTFILE_NAME)))
		return;
	const struct span *uri = find(&a->chain, DHCP_OPT_BOOTFILE_NAME);
	dhcp_build_option(a->b, DHCP_OPT_BOOTFILE_NAME, uri ? *uri : boot.file);
	dhcp_build_option(a->b, DHCP_OPT_VENDOR_CLASS, span_text(http_client));
}

/* --- options with a value that no place says --- */

static void add_vendor_options(const struct answer *a)
{
	for (unsigned i = 0; i < a->chain.n; i++) {
		const struct span *value = dhcp_scope_vendor(a->chain.at[i], a->vendor_class);
		if (value) {
			dhcp_build_option(a->b, DHCP_OPT_VENDOR_SPECIFIC, *value);
			return;
		}
	}
}

static uint32_t mask_of(const struct dhcp_network *n)
{
	return n->bits ? UINT32_MAX << (32 - n->bits) : 0;
}

static void add_implied(const struct answer *a, uint8_t code)
{
	const struct dhcp_reservation *r = a->client->reservation;
	const struct span *routes;

	switch (code) {
	case DHCP_OPT_SUBNET_MASK: dhcp_build_u32(a->b, code, mask_of(a->network)); break;
	case DHCP_OPT_BROADCAST_ADDRESS:
		if (a->network->bits < 31) /* RFC 3021: two hosts have none */
			dhcp_build_u32(a->b, code, a->network->subnet | ~mask_of(a->network));
		break;
	case DHCP_OPT_HOST_NAME:
		if (r && r->name)
			dhcp_build_option(a->b, code, span_text(r->name));
		break;
	case DHCP_OPT_VENDOR_SPECIFIC: add_vendor_options(a); break;
	case DHCP_OPT_TFTP_SERVER_NAME: add_server_name(a); break;
	case DHCP_OPT_BOOTFILE_NAME: add_boot_file(a); break;
	case DHCP_OPT_MS_CLASSLESS_STATIC_ROUTES: /* the same by the number of before RFC 3442 */
		routes = find(&a->chain, DHCP_OPT_CLASSLESS_STATIC_ROUTES);
		if (routes)
			dhcp_build_option(a->b, code, *routes);
		break;
	default: break;
	}
}

static void add(const struct answer *a, uint8_t code)
{
	/* RFC 3442: with the classless routes that a client asked for, the routers and the old
	 * static routes SHOULD NOT be there. */
	if (a->routes && (code == DHCP_OPT_ROUTERS || code == DHCP_OPT_STATIC_ROUTES))
		return;
	if (dhcp_build_has(a->b, code))
		return;
	const struct span *value = find(&a->chain, code);
	if (value)
		dhcp_build_option(a->b, code, *value);
	else
		add_implied(a, code);
}

/* --- which, and in what order --- */

/* Neither is an option, and 52 and 82 are the builder's. */
static bool is_option(uint8_t code)
{
	return code != DHCP_OPT_PAD && code != DHCP_OPT_END && code != DHCP_OPT_OVERLOAD &&
	       code != DHCP_OPT_RELAY_AGENT_INFORMATION;
}

static void add_codes(const struct answer *a, const uint64_t codes[4])
{
	for (unsigned w = 0; w < 4; w++) {
		for (uint64_t left = codes[w]; left; left &= left - 1)
			add(a, (uint8_t)(w * 64 + (unsigned)__builtin_ctzll(left)));
	}
}

/* A client without a list gets what there is, but what RFC 8925 3.2 keeps for those that ask. */
static void add_all(const struct answer *a)
{
	uint64_t codes[4] = {0};

	for (unsigned i = 0; i < a->chain.n; i++) {
		for (unsigned w = 0; w < 4; w++)
			codes[w] |= a->chain.at[i]->present[w];
	}
	codes[DHCP_OPT_BROADCAST_ADDRESS / 64] |= 1ULL << DHCP_OPT_BROADCAST_ADDRESS % 64;
	codes[DHCP_OPT_HOST_NAME / 64] |= 1ULL << DHCP_OPT_HOST_NAME % 64;
	codes[DHCP_OPT_IPV6_ONLY_PREFERRED / 64] &= ~(1ULL << DHCP_OPT_IPV6_ONLY_PREFERRED % 64);
	add_codes(a, codes);
	add(a, DHCP_OPT_VENDOR_SPECIFIC);
}

void dhcp_site_options(const struct dhcp_site *s, const struct dhcp_client *c,
		       const struct dhcp_network *n, const struct dhcp_pool *pool,
		       struct dhcp_build *b)
{
	struct span wanted = dhcp_message_requested(c->message);
	struct answer a = {.client = c, .network = n, .b = b};

	dhcp_chain_of(s, c, n, pool, &a.chain);
	a.vendor_class = dhcp_message_option(c->message, DHCP_OPT_VENDOR_CLASS);
	add(&a, DHCP_OPT_SUBNET_MASK); /* RFC 2132 3.3: before the routers */
	a.routes = wanted.len &&
		   memchr(wanted.data, DHCP_OPT_CLASSLESS_STATIC_ROUTES, wanted.len) &&
		   find(&a.chain, DHCP_OPT_CLASSLESS_STATIC_ROUTES);
	for (size_t i = 0; i < wanted.len; i++) {
		if (is_option(wanted.data[i]))
			add(&a, wanted.data[i]);
	}
	if (wanted.len == 0)
		add_all(&a);
	for (unsigned i = 0; i < a.chain.n; i++)
		add_codes(&a, a.chain.at[i]->always);
	add_boot(&a);
}

bool dhcp_site_is_ipv6_only(const struct dhcp_site *s, const struct dhcp_client *c,
			    const struct dhcp_network *n, const struct dhcp_pool *pool)
{
	struct dhcp_chain chain;

	dhcp_chain_of(s, c, n, pool, &chain);
	return find(&chain, DHCP_OPT_IPV6_ONLY_PREFERRED) != NULL;
}
