/* Verbs about users and sessions. Secrets come in a request's body, never in its target. */
#include "base/writer.h"
#include "control/control.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "proto/wireguard/key.h"
#include "service/vpn/io_devices.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>
#include <time.h>

static struct signin *signin_of(void *arg)
{
	struct vpn *v = arg;
	return vpn_signin_of(v->people);
}

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

static json_t *date_json(uint64_t wall_ms)
{
	char text[32];
	struct tm tm;
	time_t t = (time_t)(wall_ms / 1000);
	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

/* --- sessions --- */

/* What its peer is called here; in a fleet it may be unknown. */
static const char *peer_name(struct vpn *v, const uint8_t *key)
{
	for (size_t i = 0; i < v->interfaces_n; i++) {
		const struct vpn_peer *p = vpn_engine_find_peer(v->interfaces[i].engine, key);
		if (p)
			return p->name;
	}
	return NULL;
}

static json_t *session_json(struct vpn *v, const struct signin_session *s)
{
	char key[WG_KEY_BASE64_LEN + 1], endpoint[IP_ENDPOINT_TEXT_MAX];
	const char *name = peer_name(v, s->session->peer);
	uint64_t now_ms = clock_wall_ms();
	uint64_t left_ms = s->session->expires_ms > now_ms ? s->session->expires_ms - now_ms : 0;
	wg_key_write_base64(s->session->peer, key);
	(void)ip_endpoint_format(&s->session->endpoint, endpoint);
	json_t *o =
		json_pack("{s:s,s:s,s:s,s:s}", "user", s->session->user, "public_key", key,
			  "endpoint", endpoint, "gate", s->gate == SIGNIN_PROOF ? "proof" : "open");
	if (name)
		set(o, "peer", json_string(name));
	set(o, "started", date_json(s->session->started_ms));
	set(o, "expires", date_json(s->session->expires_ms));
	set(o, "left_s", json_integer((json_int_t)(left_ms / 1000)));
	return o;
}

void vpn_sessions_list(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const char *user = control_request_query(req, "user");
	json_t *array = json_array();
	struct signin_session s;
	for (size_t at = 0; signin_session_next(signin_of(arg), &at, &s);)
		if (!user || strcmp(user, s.session->user) == 0)
			(void)json_array_append_new(array, session_json(arg, &s));
	control_reply_json(reply, 200, json_pack("{s:o}", "sessions", array));
}

static size_t end_of_peer(struct vpn *v, const char *name, const char *by)
{
	struct vpn_interface *f;
	const struct vpn_peer *p = vpn_peer_find(v, name, &f);
	if (!p)
		return 0;
	return signin_end(signin_of(v), clock_wall_ms(), p->public_key, by) == OK;
}

void vpn_session_end(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const char *peer = control_request_query(req, "peer");
	const char *user = control_request_query(req, "user");
	char by[32];
	(void)snprintf(by, sizeof(by), "uid %u", req->uid);
	if (!peer == !user) {
		control_reply_error(reply, 400, "peer= or user= says whose session");
		return;
	}
	size_t n = peer ? end_of_peer(arg, peer, by)
			: signin_end_user(signin_of(arg), clock_wall_ms(), user, by);
	if (n)
		control_reply_json(reply, 200, json_pack("{s:I}", "ended", (json_int_t)n));
	else
		control_reply_error(reply, 404, "there is no such session");
}

/* --- users --- */

static json_t *list_json(const struct user *u, bool roles)
{
	json_t *array = json_array();
	for (size_t i = 0; i < u->peers_n; i++) {
		bool is_role = u->peers[i][0] == '@';
		if (is_role == roles)
			(void)json_array_append_new(array, json_string(u->peers[i] + is_role));
	}
	return array;
}

static size_t sessions_of(struct signin *s, const char *user)
{
	struct signin_session x;
	size_t n = 0;
	for (size_t at = 0; signin_session_next(s, &at, &x);)
		n += strcmp(x.session->user, user) == 0;
	return n;
}

static json_t *user_json(struct signin *s, const struct user *u)
{
	static const char *const factors[] = {[USER_FACTOR_NONE] = "none",
					      [USER_FACTOR_PENDING] = "pending",
					      [USER_FACTOR_ACTIVE] = "active"};
	json_t *o = json_pack("{s:s,s:s,s:b,s:b,s:I}", "name", u->name, "factor",
			      factors[u->factor], "administrator", u->administrator, "disabled",
			      u->disabled, "one_time_codes", (json_int_t)u->backup_n);
	uint64_t wait_ms = signin_user_wait_ms(s, clock_wall_ms(), u->name);
	set(o, "peers", list_json(u, false));
	set(o, "roles", list_json(u, true));
	set(o, "sessions", json_integer((json_int_t)sessions_of(s, u->name)));
	set(o, "created", date_json(u->created_ms));
	if (u->last_step)
		set(o, "last_code", date_json(u->last_step * TOTP_STEP_S * 1000));
	if (wait_ms)
		set(o, "wait_s", json_integer((json_int_t)((wait_ms + 999) / 1000)));
	return o;
}

void vpn_users_list(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct signin *s = signin_of(arg);
	json_t *array = json_array();
	const struct user *u;
	(void)req;
	for (size_t at = 0; (u = signin_user_next(s, &at));)
		(void)json_array_append_new(array, user_json(s, u));
	control_reply_json(reply, 200, json_pack("{s:o}", "users", array));
}

/* The name in query or body. False: it was said what is wrong. */
static bool name_read(const struct control_request *req, struct control_reply *reply,
		      char ret[USER_NAME_MAX + 1])
{
	const char *text = control_request_query(req, "name");
	if (!text)
		text = json_string_value(json_object_get(req->body, "name"));
	if (text && user_name_read(span_text(text), ret) == OK)
		return true;
	control_reply_error(reply, 400,
			    "name= must be a user's name: letters, digits, '.', '_', '-', '@'");
	return false;
}

void vpn_user_show(void *arg, const struct control_request *req, struct control_reply *reply)
{
	char name[USER_NAME_MAX + 1];
	struct signin *s = signin_of(arg);
	if (!name_read(req, reply, name))
		return;
	const struct user *u = signin_user(s, name);
	if (u)
		control_reply_json(reply, 200, user_json(s, u));
	else
		control_reply_error(reply, 404, "there is no such user");
}

void vpn_user_unlock(void *arg, const struct control_request *req, struct control_reply *reply)
{
	char name[USER_NAME_MAX + 1];
	if (!name_read(req, reply, name))
		return;
	signin_unlock(signin_of(arg), name);
	control_reply_json(reply, 200, json_pack("{s:s}", "unlocked", name));
}

/* --- changes, which wait for the hash and the store --- */

struct asked {
	struct vpn *v;
	struct control_reply *reply;
	char name[USER_NAME_MAX + 1];
};

static const struct {
	enum err e;
	int status;
	const char *text;
} refusals[] = {
	{ERR_EXISTS, 409, "there is a user of this name already"},
	{ERR_ABSENT, 404, "there is no such user"},
	{ERR_FORMAT, 400, "a peer or role has no such name"},
	{ERR_REFUSED, 400, "the password must have 8 characters at least"},
	{ERR_LIMIT, 503, "too much at once, or too many; try again"},
	{ERR_CLOSED, 503, "the store is away; try again"},
};

static void refused(struct control_reply *reply, enum err e)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].e == e) {
			control_reply_error(reply, refusals[i].status, refusals[i].text);
			return;
		}
	control_reply_error(reply, 500, err_text(e));
}

static void changed(void *arg, const struct signin_changed *c)
{
	struct asked *a = arg;
	vpn_devices_follow(a->v);
	if (c->result) {
		refused(a->reply, c->result);
	} else {
		json_t *o = c->user ? user_json(signin_of(a->v), c->user)
				    : json_pack("{s:s}", "removed", a->name);
		if (c->secret) {
			set(o, "secret", json_string(c->secret->secret));
			set(o, "uri", json_string(c->secret->uri));
		}
		control_reply_json(a->reply, 200, o);
	}
	free(a);
}

enum { NAMES_MAX = 2 * USER_PEERS_MAX };

/* Peers and roles of the body as the user's own list; texts are kept in room. */
static bool list_read(const json_t *body, const char *names[NAMES_MAX], size_t *ret_n,
		      struct writer *room)
{
	static const char *const keys[] = {"peers", "roles"};
	size_t n = 0, i;
	const json_t *item;
	for (size_t k = 0; k < 2; k++) {
		const json_t *array = json_object_get(body, keys[k]);
		json_array_foreach(array, i, item)
		{
			const char *text = json_string_value(item);
			if (!text || n == NAMES_MAX || (k == 0 && text[0] == '@'))
				return false;
			names[n++] = (const char *)room->data + room->pos;
			write_text(room, k ? "@" : "");
			write_text(room, text);
			write_u8(room, 0);
		}
	}
	*ret_n = n;
	return !room->bad;
}

static void change(void *arg, const struct control_request *req, struct control_reply *reply,
		   enum signin_change_kind kind)
{
	char name[USER_NAME_MAX + 1], room[NAMES_MAX * (USER_PEER_NAME_MAX + 3)];
	const char *names[NAMES_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct signin_change c = {.kind = kind, .user = name, .peers = names, .changed = changed};
	const json_t *administrator = json_object_get(req->body, "administrator");
	const json_t *disabled = json_object_get(req->body, "disabled");
	const char *password = json_string_value(json_object_get(req->body, "password"));
	if (!name_read(req, reply, name))
		return;
	if (!list_read(req->body, names, &c.peers_n, &w)) {
		refused(reply, ERR_FORMAT);
		return;
	}
	struct asked *a = calloc(1, sizeof(*a));
	if (!a) {
		refused(reply, (enum err)ENOMEM);
		return;
	}
	a->v = arg;
	a->reply = reply;
	memcpy(a->name, name, sizeof(a->name));
	c.arg = a;
	c.password = span_text(password ? password : "");
	c.sets_peers = json_object_get(req->body, "peers") || json_object_get(req->body, "roles");
	c.administrator = json_is_true(administrator);
	c.disabled = json_is_true(disabled);
	c.sets_administrator = administrator != NULL;
	c.sets_disabled = disabled != NULL;
	signin_change(signin_of(arg), clock_wall_ms(), &c);
}

void vpn_user_add(void *arg, const struct control_request *req, struct control_reply *reply)
{
	change(arg, req, reply, SIGNIN_USER_ADD);
}

void vpn_user_set(void *arg, const struct control_request *req, struct control_reply *reply)
{
	change(arg, req, reply, SIGNIN_USER_SET);
}

void vpn_user_passwd(void *arg, const struct control_request *req, struct control_reply *reply)
{
	change(arg, req, reply, SIGNIN_USER_PASSWD);
}

void vpn_user_reset(void *arg, const struct control_request *req, struct control_reply *reply)
{
	change(arg, req, reply, SIGNIN_USER_RESET);
}

void vpn_user_remove(void *arg, const struct control_request *req, struct control_reply *reply)
{
	change(arg, req, reply, SIGNIN_USER_REMOVE);
}
