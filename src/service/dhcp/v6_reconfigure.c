/* Reconfigure (RFC 8415 18.3.11, 20.4): keys that need no memory, ways back to clients, and the
 * retransmissions. */
#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "service/dhcp/v6_inner.h"

/* RFC 8415 20.4.2: "The reconfigure key is 128 bits long and MUST be a cryptographically strong
 * random or pseudorandom number": HMAC-SHA256 of the DUID under a secret that nobody else has. */
void v6_key_of(const struct v6_engine *e, struct span duid, uint8_t ret[DHCP6_RECONFIGURE_KEY_LEN])
{
	uint8_t mac[CRYPTO_HMAC_SHA256_LEN];
	crypto_hmac_sha256(span_of(e->secret, sizeof(e->secret)), duid, mac);
	struct writer w = writer_of(ret, DHCP6_RECONFIGURE_KEY_LEN);
	write_bytes(&w, mac, DHCP6_RECONFIGURE_KEY_LEN);
	crypto_wipe(mac, sizeof(mac));
}

/* RFC 8415 20.3: "strictly monotonically increasing", and "retained between restarts": time does.
 */
uint64_t v6_replay_next(struct v6_engine *e, uint64_t now_ms)
{
	e->replay = now_ms > e->replay ? now_ms : e->replay + 1;
	return e->replay;
}

/* The layers of the relays without what they carried. */
static bool pack_path(const struct dhcp6_relays *relays, struct writer *w)
{
	size_t at[DHCP6_RELAYS_MAX];
	for (unsigned i = 0; i < relays->n; i++) {
		const struct dhcp6_relay *relay = &relays->at[i];
		dhcp6_write_relay_header(w, DHCP6_RELAY_FORW, relay->hop_count, &relay->link,
					 &relay->peer);
		if (relay->interface_id.data)
			dhcp6_write_option(w, DHCP6_OPT_INTERFACE_ID, relay->interface_id);
		at[i] = dhcp6_option_begin(w, DHCP6_OPT_RELAY_MSG);
	}
	dhcp6_write_header(w, DHCP6_INFORMATION_REQUEST, 0);
	for (unsigned i = relays->n; i > 0; i--)
		dhcp6_option_end(w, at[i - 1]);
	return writer_check(w) == OK;
}

void v6_path_note(struct v6_exchange *x, struct v6_holder *h)
{
	struct v6_engine *e = x->engine;
	if (!x->network->reconfigure || !dhcp6_has(&x->m, DHCP6_HAS_RECONF_ACCEPT)) {
		v6_path_drop(e, h);
		return;
	}
	struct v6_path *p = h->path ? h->path : slab_take(&e->paths);
	if (!p)
		return;
	h->path = p;
	p->holder = h;
	p->to = x->arrival->from;
	p->ifindex = x->arrival->ifindex;
	p->relayed = x->relays.n > 0;
	struct writer w = writer_of(p->wire, sizeof(p->wire));
	if (!pack_path(&x->relays, &w)) {
		v6_path_drop(e, h);
		return;
	}
	p->len = (uint16_t)w.pos;
}

void v6_path_drop(struct v6_engine *e, struct v6_holder *h)
{
	if (!h->path)
		return;
	wheel_cancel(&e->nudges, &h->path->timer);
	slab_give(&e->paths, h->path);
	h->path = NULL;
}

void v6_path_obeyed(struct v6_engine *e, struct v6_holder *h)
{
	if (h && h->path)
		wheel_cancel(&e->nudges, &h->path->timer);
}

static void send_reconfigure(struct v6_engine *e, const struct v6_path *p)
{
	uint8_t key[DHCP6_RECONFIGURE_KEY_LEN];
	struct dhcp6_relays relays;
	struct dhcp6_relay_marks marks;
	struct span duid = span_of(p->holder->duid, p->holder->duid_len);
	struct writer w = writer_of(e->room, sizeof(e->room));
	if (dhcp6_relays_read(span_of(p->wire, p->len), &relays) != OK)
		return;
	dhcp6_relays_begin(&w, &relays, &marks);
	size_t start = w.pos;
	dhcp6_write_header(&w, DHCP6_RECONFIGURE, 0);
	dhcp6_write_option(&w, DHCP6_OPT_SERVERID, span_of(e->duid, e->duid_len));
	dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, duid);
	dhcp6_write_option_u8(&w, DHCP6_OPT_RECONF_MSG, DHCP6_RENEW);
	size_t digest_at = dhcp6_write_auth_hmac(&w, v6_replay_next(e, e->nudges.now_ms));
	v6_key_of(e, duid, key);
	dhcp6_auth_sign(&w, start, digest_at, key);
	crypto_wipe(key, sizeof(key));
	dhcp6_relays_end(&w, &relays, &marks);
	if (writer_check(&w) != OK)
		return;
	struct v6_send s = {.to = p->to,
			    .port = p->relayed ? DHCP6_SERVER_PORT : DHCP6_CLIENT_PORT,
			    .ifindex = p->relayed && !ip_address_is_link_local(&p->to) ? 0
										       : p->ifindex,
			    .type = DHCP6_RECONFIGURE,
			    .message = writer_span(&w)};
	v6_send_message(e, &s, 0, duid);
}

/* RFC 8415 18.3.11: "retransmits the Reconfigure message, doubles the RT value, and waits again".
 */
void v6_nudge(struct wheel_timer *t, void *arg)
{
	struct v6_engine *e = arg;
	struct v6_path *p =
		(struct v6_path *)(void *)((uint8_t *)t - offsetof(struct v6_path, timer));
	if (p->tries == V6_REC_MAX_RC)
		return;
	send_reconfigure(e, p);
	p->tries++;
	wheel_add(&e->nudges, &p->timer, e->nudges.now_ms + p->rt_ms);
	p->rt_ms *= 2;
}

enum err v6_engine_reconfigure(struct v6_engine *e, uint64_t now_ms, const struct ip_prefix *lease)
{
	struct v6_record *r = v6_record_find(e, lease);
	if (!r || r->state != V6_LEASE_BOUND || !r->holder)
		return ERR_ABSENT;
	struct v6_path *p = r->holder->path;
	if (!p)
		return ERR_UNSUPPORTED;
	p->tries = 0;
	p->rt_ms = V6_REC_TIMEOUT_MS;
	wheel_add(&e->nudges, &p->timer, now_ms);
	v6_engine_turn(e, now_ms);
	return OK;
}
