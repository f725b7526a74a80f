#include "crypto/secret.h"
#include "service/vpn/conf_inner.h"

#define KEEPALIVE_UNIT_MS 1000
#define STEPS_MAX	  4

/* A place in peer p of interface i. */
struct place {
	struct config_step steps[STEPS_MAX];
	size_t n;
};

static struct place place(size_t i, size_t p, const char *key, size_t item)
{
	return (struct place){.steps = {{"interfaces", i}, {"peers", p}, {key, item}}, .n = 3};
}

static void check_name(const char *name, const struct place *w, struct config_at *at)
{
	size_t len = strlen(name);
	bool right = len && name[0] != '-' && name[len - 1] != '-';
	for (const char *o = name; *o; o++)
		right &= (*o >= 'a' && *o <= 'z') || (*o >= '0' && *o <= '9') || *o == '-';
	if (!right)
		config_fail_inside(at, w->steps, 2,
				   "'%s' cannot name a peer; write small letters, digits and "
				   "hyphens",
				   name);
}

static void check_keys(const struct vpn_peer_conf *peer, size_t i, size_t p, struct config_at *at)
{
	struct place public = place(i, p, "public-key", 0),
		     secret = place(i, p, "preshared-key", 0);
	uint8_t octets[32];
	if (vpn_conf_key(span_text(peer->public_key), octets))
		config_fail_inside(at, public.steps, 3,
				   "expected a key: 32 octets in base64, as `wg pubkey` prints it");
	if (peer->preshared_key.len && vpn_conf_key(peer->preshared_key, octets))
		config_fail_inside(at, secret.steps, 3,
				   "expected a key: 32 octets in base64, as `wg genpsk` prints it");
	crypto_wipe(octets, sizeof(octets));
}

static void check_rate(const char *text, const char *key, struct place w, struct config_at *at)
{
	uint64_t bits;
	w.steps[3] = (struct config_step){key, 0};
	if (text && vpn_text_rate(span_text(text), &bits))
		config_fail_inside(at, w.steps, 4,
				   "expected a rate from 8kbit to 1000Gbit, as in 20Mbit");
}

static void check_texts(const struct vpn_peer_conf *peer, size_t i, size_t p, struct config_at *at)
{
	struct place endpoint = place(i, p, "endpoint", 0), expires = place(i, p, "expires", 0);
	struct place keepalive = place(i, p, "keepalive", 0);
	struct place bandwidth = place(i, p, "bandwidth", CONFIG_STEP_WHOLE);
	struct vpn_remote remote;
	int64_t s;
	if (peer->endpoint && vpn_text_remote(span_text(peer->endpoint), &remote))
		config_fail_inside(at, endpoint.steps, 3,
				   "expected an address or a name, and a port, as in "
				   "site2.example.org:51820");
	if (peer->expires && vpn_text_date(span_text(peer->expires), &s))
		config_fail_inside(at, expires.steps, 3,
				   "expected a date, as in 2027-12-31 or 2027-12-31T18:00");
	if (peer->keepalive_ms % KEEPALIVE_UNIT_MS)
		config_fail_inside(at, keepalive.steps, 3, "expected whole seconds");
	check_rate(peer->bandwidth.up, "up", bandwidth, at);
	check_rate(peer->bandwidth.down, "down", bandwidth, at);
}

/* A site's users cannot be told apart, so only hosts sign in. */
static void check_hosts(const struct vpn_peer_conf *peer, size_t i, size_t p, struct config_at *at)
{
	const struct ip_prefix *prefixes = peer->allowed_ips.items;
	for (size_t k = 0; k < peer->allowed_ips.n; k++) {
		struct place w = place(i, p, "allowed-ips", k);
		if (prefixes[k].bits != ip_address_len(&prefixes[k].address) * 8)
			config_fail_inside(at, w.steps, 3,
					   "a peer of `sign-in: required` has addresses of hosts "
					   "only: the users of a network cannot be told apart");
	}
}

static void check_signin(const struct vpn_conf *c, const struct vpn_peer_conf *peer, size_t i,
			 size_t p, struct config_at *at)
{
	struct place w = place(i, p, "sign-in", 0);
	bool required = peer->sign_in == VPN_SIGNIN_REQUIRED;
	if (required && !c->has_sign_in)
		config_fail_inside(at, w.steps, 3,
				   "there is no page: write `sign-in: {name: …}` "
				   "beside `interfaces`");
	if (required && peer->users.n == 0 && peer->roles.n == 0)
		config_fail_inside(at, w.steps, 3, "nobody may open it; name `users` or `roles`");
	if (required && peer->allowed_ips.n == 0)
		config_fail_inside(at, w.steps, 3, "it has no `allowed-ips` to sign in from");
	if (!required && (peer->users.n || peer->roles.n)) {
		struct place who =
			place(i, p, peer->users.n ? "users" : "roles", CONFIG_STEP_WHOLE);
		config_fail_inside(at, who.steps, 3,
				   "it is open to all without `sign-in: required`");
	}
	if (required)
		check_hosts(peer, i, p, at);
}

void vpn_conf_check_peer(const struct vpn_conf *c, size_t i, size_t p, struct config_at *at)
{
	const struct vpn_peer_conf *peer = vpn_conf_peer(vpn_conf_interface(c, i), p);
	struct place whole = place(i, p, NULL, 0);
	check_name(peer->name, &whole, at);
	check_keys(peer, i, p, at);
	check_texts(peer, i, p, at);
	check_signin(c, peer, i, p, at);
}
