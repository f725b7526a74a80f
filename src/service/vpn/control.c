/* Verbs, status and metrics. */
#include "base/writer.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/tun.h"
#include "proto/wireguard/key.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_added.h"
#include "service/vpn/io_names.h"
#include "service/vpn/io_page.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_vpn.h"

static void set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void set_number(json_t *object, const char *key, uint64_t n)
{
	set(object, key, json_integer((json_int_t)n));
}

static uint64_t load(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* --- peers ------------------------------------------------------------------------------------ */

static json_t *key_json(const uint8_t key[VPN_KEY_LEN])
{
	char text[WG_KEY_BASE64_LEN + 1];
	wg_key_write_base64(key, text);
	return json_string(text);
}

static json_t *allowed_json(const struct vpn_peer *p)
{
	json_t *array = json_array();
	char text[IP_PREFIX_TEXT_MAX];
	for (const struct vpn_allowed *a = p->allowed; a; a = a->next) {
		(void)ip_prefix_format(&a->prefix, text);
		(void)json_array_append_new(array, json_string(text));
	}
	return array;
}

static json_t *who_json(char *const *who, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(array, json_string(who[i]));
	return array;
}

static void set_endpoint(json_t *o, const struct vpn_peer *p)
{
	struct vpn_endpoint at = {0};
	char text[IP_ENDPOINT_TEXT_MAX];
	if (!vpn_peer_endpoint(p, &at) || !at.remote.address.family)
		return;
	(void)ip_endpoint_format(&at.remote, text);
	set(o, "endpoint", json_string(text));
}

static void set_own(json_t *o, const struct vpn_own *own)
{
	char text[VPN_TEXT_DATE_MAX];
	set(o, "origin", json_string(vpn_origin_name(own->origin)));
	if (own->expires_s) {
		vpn_text_date_format(own->expires_s, text);
		set(o, "expires", json_string(text));
	}
	if (own->up_bits)
		set_number(o, "up_bits", own->up_bits);
	if (own->down_bits)
		set_number(o, "down_bits", own->down_bits);
	if (own->users_n)
		set(o, "users", who_json(own->who, own->users_n));
	if (own->roles_n)
		set(o, "roles", who_json(own->who + own->users_n, own->roles_n));
}

static json_t *refused_json(const struct vpn_peer *p)
{
	json_t *o = json_object();
	for (enum gate_cause c = 0; c < GATE_CAUSES; c++) {
		uint32_t n = atomic_load_explicit(&p->rules.refused[c], memory_order_relaxed);
		if (n)
			set_number(o, gate_cause_name(c), n);
	}
	return o;
}

static json_t *peer_json(const struct vpn_interface *f, const struct vpn_peer *p, uint64_t now_ms)
{
	json_t *o =
		json_pack("{s:s,s:s,s:o,s:o}", "interface", f->name, "name", p->name, "public_key",
			  key_json(p->public_key), "allowed_ips", allowed_json(p));
	set_endpoint(o, p);
	set(o, "gate", json_string(vpn_gate_name(vpn_peer_gate(p, now_ms))));
	set(o, "sign_in", json_boolean(p->sign_in));
	set_number(o, "keepalive_s", p->keepalive_s);
	if (p->handshake_wall_ns)
		set_number(o, "handshake_age_s",
			   (clock_wall_ms() - p->handshake_wall_ns / 1000000) / 1000);
	set_number(o, "handshakes", p->handshakes);
	set_number(o, "received_bytes", load(&p->rx_bytes));
	set_number(o, "sent_bytes", load(&p->tx_bytes));
	set_number(o, "received_packets", load(&p->rx_packets));
	set_number(o, "sent_packets", load(&p->tx_packets));
	set(o, "refused", refused_json(p));
	if (p->owner)
		set_own(o, vpn_own_of(p));
	return o;
}

/* All, or those of interface=, or the one of name=. */
static void handle_peers(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct vpn *v = arg;
	json_t *array = json_array();
	uint64_t now_ms = vpn_now_ms();
	const char *interface = control_request_query(req, "interface");
	const char *name = control_request_query(req, "name");
	for (size_t i = 0; i < v->interfaces_n; i++) {
		const struct vpn_interface *f = &v->interfaces[i];
		if (interface && strcmp(interface, f->name) != 0)
			continue;
		for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(f->engine, p));)
			if (!name || strcmp(name, p->name) == 0)
				(void)json_array_append_new(array, peer_json(f, p, now_ms));
	}
	control_reply_json(reply, 200, json_pack("{s:o}", "peers", array));
}

/* Its keys are forgotten; it may come back by a new handshake, unless it was taken out. */
static void handle_end(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct vpn *v = arg;
	struct vpn_interface *f;
	const char *name = control_request_query(req, "name");
	struct vpn_peer *p = name ? vpn_peer_find(v, name, &f) : NULL;
	if (!p) {
		control_reply_error(reply, name ? 404 : 400,
				    name ? "no peer has this name" : "name= says which peer");
		return;
	}
	vpn_engine_forget_keys(f->engine, p);
	vpn_engines_turn(v);
	control_event(v->life.control, "peer ended",
		      json_pack("{s:s,s:s}", "interface", f->name, "peer", p->name));
	control_reply_json(reply, 200, json_pack("{s:s}", "ended", name));
}

/* --- status ----------------------------------------------------------------------------------- */

static json_t *features_json(const struct vpn_interface *f)
{
	json_t *on = json_array();
	struct vpn_link_features features;
	vpn_link_features(f->link, &features);
	for (unsigned bit = 1; bit < TUN_ALL; bit <<= 1)
		if ((features.tun & bit) && tun_feature_name(bit))
			(void)json_array_append_new(on, json_string(tun_feature_name(bit)));
	if (features.trains_sent)
		(void)json_array_append_new(on, json_string("udp-segment"));
	if (features.trains_received)
		(void)json_array_append_new(on, json_string("udp-gro"));
	if (features.steers)
		(void)json_array_append_new(on, json_string("handshake-steering"));
	return on;
}

static json_t *drops_json(const struct vpn_counts *c)
{
	json_t *o = json_object();
	for (enum vpn_drop d = VPN_DROP_NONE + 1; d < VPN_DROPS; d++)
		if (c->dropped[d])
			set_number(o, vpn_drop_name(d), c->dropped[d]);
	return o;
}

static size_t peers_in(const struct vpn_interface *f, enum vpn_gate gate, uint64_t now_ms)
{
	size_t n = 0;
	for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(f->engine, p));)
		n += vpn_peer_gate(p, now_ms) == gate;
	return n;
}

static json_t *listen_json(const struct vpn_interface *f)
{
	json_t *array = json_array();
	char text[IP_ENDPOINT_TEXT_MAX];
	for (size_t i = 0; i < f->listen_n; i++) {
		(void)ip_endpoint_format(&f->listen[i], text);
		(void)json_array_append_new(array, json_string(text));
	}
	return array;
}

static json_t *interface_json(struct vpn_interface *f, uint64_t now_ms)
{
	struct vpn_counts c;
	uint8_t key[VPN_KEY_LEN];
	vpn_engine_counts(f->engine, &c);
	(void)vpn_engine_public_key(f->engine, key);
	json_t *o = json_pack("{s:s,s:o,s:o}", "name", f->name, "public_key", key_json(key),
			      "listen", listen_json(f));
	set(o, "device", json_string(f->tuns_n ? "on" : "missing"));
	set_number(o, "queues", f->tuns_n);
	set(o, "offloads", features_json(f));
	set_number(o, "peers", vpn_engine_peers(f->engine));
	for (enum vpn_gate g = VPN_GATE_CLOSED; g < VPN_GATES; g++) {
		size_t n = peers_in(f, g, now_ms);
		char name[32];
		struct writer w = writer_of(name, sizeof(name) - 1);
		write_format(&w, "peers_%s", vpn_gate_name(g));
		name[w.pos] = '\0';
		if (n)
			set_number(o, name, n);
	}
	set(o, "under_load", json_boolean(vpn_engine_under_load(f->engine, now_ms)));
	set_number(o, "handshakes", c.handshakes);
	set_number(o, "received_packets", c.rx_packets);
	set_number(o, "sent_packets", c.tx_packets);
	set_number(o, "received_bytes", c.rx_bytes);
	set_number(o, "sent_bytes", c.tx_bytes);
	set(o, "dropped", drops_json(&c));
	return o;
}

static json_t *status(void *arg)
{
	struct vpn *v = arg;
	json_t *s = service_life_status(&v->life), *array = json_array();
	uint64_t now_ms = vpn_now_ms();
	set_number(s, "workers", v->workers_n);
	set_number(s, "reloads", v->reloads);
	for (size_t i = 0; i < v->interfaces_n; i++)
		(void)json_array_append_new(array, interface_json(&v->interfaces[i], now_ms));
	set(s, "interfaces", array);
	json_t *names = vpn_names_json(v);
	if (names)
		set(s, "names", names);
	set(s, "sign_in", vpn_signin_status(v->people));
	set(s, "page", vpn_page_status(v->page));
	return s;
}

static void reload(void *arg, struct control_reply *reply)
{
	vpn_reload(arg, reply);
}

static const struct control_verb verbs[] = {
	{"GET", "/peers", "all peers, or those of interface=, or that of name=", handle_peers},
	{"POST", "/peers/add", "a peer, as the body says; what its file needs is answered",
	 vpn_added_handle_add},
	{"POST", "/peers/remove", "take the added peer name= out", vpn_added_handle_remove},
	{"GET", "/peers/client",
	 "what the file of the added peer name= says, but for its private key",
	 vpn_added_handle_client},
	{"POST", "/peers/end", "forget the keys of the peer name=", handle_end},
	{"GET", "/users", "who may sign in", vpn_users_list},
	{"GET", "/user", "the user name=", vpn_user_show},
	{"POST", "/user/add", "a user, and the secret of an authenticator app", vpn_user_add},
	{"POST", "/user/set", "another list of peers and roles, other rights", vpn_user_set},
	{"POST", "/user/passwd", "another password; ends the user's sessions", vpn_user_passwd},
	{"POST", "/user/reset", "another second factor; ends the user's sessions", vpn_user_reset},
	{"POST", "/user/remove", "the user goes; ends the user's sessions", vpn_user_remove},
	{"POST", "/user/unlock", "failures of the user count no longer", vpn_user_unlock},
	{"GET", "/sessions", "who is signed in, or those of user=", vpn_sessions_list},
	{"GET", "/authority", "the certificate of the sign-in page's own authority (PEM)",
	 vpn_page_authority},
	{"POST", "/sessions/end", "end the session of peer=, or all of user=", vpn_session_end},
};

void vpn_control_face(struct vpn *v, struct control_face *ret)
{
	*ret = (struct control_face){.service = "vpn",
				     .verbs = verbs,
				     .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				     .status = status,
				     .metrics = vpn_metrics,
				     .reload = reload,
				     .arg = v};
}
