#include "service/vpn/peers/added.h"

#include "base/reader.h"
#include "base/writer.h"
#include "crypto/secret.h"

/* The row: version, flags, public key, times, keepalive, rates, device, addresses with their names,
 * routes, what it may reach, users, roles, and to its end the sealed preshared key. */
enum {
	VERSION = 1,
	FLAG_SIGN_IN = 1 << 0,
	FLAG_ENDED = 1 << 1,
	FLAG_KEEPALIVE = 1 << 2,
};

void added_done(struct added *a)
{
	crypto_wipe(a, sizeof(*a));
}

bool added_name_is_right(struct span name)
{
	if (!name.len || name.len > ADDED_NAME_MAX || name.data[0] == '-' ||
	    name.data[name.len - 1] == '-')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

/* --- writing --- */

static void text_write(struct writer *w, const char *text)
{
	write_u8(w, (uint8_t)strlen(text));
	write_text(w, text);
}

static void who_write(struct writer *w, const char (*who)[ADDED_WHO_LEN_MAX + 1], size_t n)
{
	write_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++)
		text_write(w, who[i]);
}

static void address_write(struct writer *w, const struct ip_address *a)
{
	write_u8(w, a->family);
	write_span(w, ip_address_span(a));
}

static void prefixes_write(struct writer *w, const struct ip_prefix *p, size_t n)
{
	write_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		address_write(w, &p[i].address);
		write_u8(w, p[i].bits);
	}
}

enum err added_write(const struct added *a, const struct sealed_key *key, struct writer *w)
{
	write_u8(w, VERSION);
	write_u8(w, (uint8_t)((a->sign_in ? FLAG_SIGN_IN : 0) | (a->ended ? FLAG_ENDED : 0) |
			      (a->has_keepalive ? FLAG_KEEPALIVE : 0)));
	write_bytes(w, a->public_key, sizeof(a->public_key));
	write_u64(w, (uint64_t)a->expires_s);
	write_u64(w, (uint64_t)a->made_s);
	write_u16(w, a->keepalive_s);
	write_u64(w, a->up_bits);
	write_u64(w, a->down_bits);
	text_write(w, a->device);
	write_u8(w, (uint8_t)a->addresses_n);
	for (size_t i = 0; i < a->addresses_n; i++) {
		address_write(w, &a->addresses[i]);
		write_u8(w, a->names[i]);
	}
	prefixes_write(w, a->routes, a->routes_n);
	prefixes_write(w, a->reach, a->reach_n);
	who_write(w, a->users, a->users_n);
	who_write(w, a->roles, a->roles_n);
	/* Bound to the peer's name: under another one it does not open. */
	return sealed_write(w, key, span_text(a->name),
			    span_of(a->preshared_key, sizeof(a->preshared_key)));
}

/* --- reading --- */

static void text_read(struct reader *r, char *ret, size_t size)
{
	struct span text = read_span(r, read_u8(r));

	/* A NUL inside would end it early: it is no text then. */
	if (text.len >= size || span_find(text, '\0') < text.len)
		reader_fail(r);
	else
		(void)span_to_cstr(text, ret, size);
}

static size_t count_read(struct reader *r, size_t max)
{
	size_t n = read_u8(r);

	if (n <= max)
		return n;
	reader_fail(r);
	return 0;
}

static void address_read(struct reader *r, struct ip_address *ret)
{
	uint8_t family = read_u8(r);

	if (family != 4 && family != 6) {
		reader_fail(r);
		return;
	}
	*ret = (struct ip_address){.family = family};
	read_bytes(r, ret->bytes, family == 4 ? 4 : 16);
}

static size_t prefixes_read(struct reader *r, struct ip_prefix ret[ADDED_ROUTES_MAX])
{
	size_t n = count_read(r, ADDED_ROUTES_MAX);

	for (size_t i = 0; i < n; i++) {
		struct ip_address address = {0};
		address_read(r, &address);
		ret[i] = ip_prefix_of(&address, read_u8(r));
	}
	return n;
}

static void lists_read(struct reader *r, struct added *a)
{
	a->addresses_n = count_read(r, ADDED_ADDRESSES_MAX);
	for (size_t i = 0; i < a->addresses_n; i++) {
		address_read(r, &a->addresses[i]);
		a->names[i] = read_u8(r);
	}
	a->routes_n = prefixes_read(r, a->routes);
	a->reach_n = prefixes_read(r, a->reach);
	a->users_n = count_read(r, ADDED_WHO_MAX);
	for (size_t i = 0; i < a->users_n; i++)
		text_read(r, a->users[i], sizeof(a->users[i]));
	a->roles_n = count_read(r, ADDED_WHO_MAX);
	for (size_t i = 0; i < a->roles_n; i++)
		text_read(r, a->roles[i], sizeof(a->roles[i]));
}

enum err added_read(struct span name, struct span value, const struct sealed_key *key,
		    struct added *ret)
{
	AUTO_DONE(added_done) struct added a = {.name = ""};
	struct reader r = reader_of_span(value);
	size_t len = 0;

	if (!added_name_is_right(name))
		return ERR_FORMAT;
	(void)span_to_cstr(name, a.name, sizeof(a.name));
	if (read_u8(&r) != VERSION)
		return r.bad ? ERR_FORMAT : ERR_UNSUPPORTED;
	uint8_t flags = read_u8(&r);
	a.sign_in = flags & FLAG_SIGN_IN;
	a.ended = flags & FLAG_ENDED;
	a.has_keepalive = flags & FLAG_KEEPALIVE;
	read_bytes(&r, a.public_key, sizeof(a.public_key));
	a.expires_s = (int64_t)read_u64(&r);
	a.made_s = (int64_t)read_u64(&r);
	a.keepalive_s = read_u16(&r);
	a.up_bits = read_u64(&r);
	a.down_bits = read_u64(&r);
	text_read(&r, a.device, sizeof(a.device));
	lists_read(&r, &a);
	struct span sealed = read_span(&r, SEALED_OVERHEAD + WG_KEY_LEN);
	TRY(reader_end(&r));
	TRY(sealed_open(sealed, key, name, a.preshared_key, &len));
	*ret = a;
	return OK;
}

/* --- an address --- */

/* The address that is n behind the network's first; false: it is outside. */
static bool nth(const struct ip_prefix *network, uint64_t n, struct ip_address *ret)
{
	struct ip_address a = network->address;

	for (size_t i = ip_address_len(&a); n && i > 0; i--) {
		n += a.bytes[i - 1];
		a.bytes[i - 1] = (uint8_t)n;
		n >>= 8;
	}
	*ret = a;
	return !n && ip_prefix_contains(network, &a);
}

/* Which of the network's the address is, by its last 32 bits. */
static uint64_t place_in(const struct ip_prefix *network, const struct ip_address *a)
{
	uint64_t at = 0, from = 0;
	size_t len = ip_address_len(a);

	for (size_t i = len - 4; i < len; i++) {
		at = at << 8 | a->bytes[i];
		from = from << 8 | network->address.bytes[i];
	}
	return at - from;
}

static bool is_free(const struct added_pick *p, uint64_t n, struct ip_address *ret)
{
	struct ip_address next;
	bool inside = nth(p->network, n, ret);
	bool last = p->network->address.family == 4 && p->network->bits < 31 &&
		    !nth(p->network, n + 1, &next);

	return inside && !last && !p->taken(p->arg, ret);
}

enum err added_pick(const struct added_pick *p, struct ip_address *ret)
{
	unsigned bits = p->network->address.family == 4 ? 32 : 128;
	/* Of two or of one address all are hosts; else the first names the network, or any router.
	 */
	uint64_t from = p->network->bits + 1u >= bits ? 0 : 1;
	struct ip_address a;

	if (p->like && p->like_network) {
		uint64_t n = place_in(p->like_network, p->like);
		if (n >= from && is_free(p, n, ret))
			return OK;
	}
	for (uint64_t n = from; n < from + ADDED_TRIES_MAX && nth(p->network, n, &a); n++)
		if (is_free(p, n, ret))
			return OK;
	return ERR_LIMIT;
}
