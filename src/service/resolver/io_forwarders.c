#include "service/resolver/io_forwarders.h"

#include "os/log.h"

static bool is_good(const struct ip_address *a)
{
	return !ip_address_is_unspecified(a) && !ip_address_is_loopback(a) &&
	       !ip_address_is_multicast(a) && !ip_address_is_link_local(a);
}

static bool read_servers(const json_t *list, uint16_t port, struct ip_endpoint *ret, size_t *ret_n)
{
	size_t n = json_array_size(list);
	if (!json_is_array(list) || n > FORWARDERS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		ret[i] = (struct ip_endpoint){.port = port};
		if (!text || ip_address_parse(span_text(text), &ret[i].address) != OK ||
		    !is_good(&ret[i].address))
			return false;
	}
	*ret_n = n;
	return true;
}

static void take(struct resolver_forwarders *f, const struct ip_endpoint *at, size_t n)
{
	bool same = n == f->n;
	for (size_t i = 0; same && i < n; i++)
		same = ip_endpoint_equal(&at[i], &f->at[i]);
	if (same)
		return;
	for (size_t i = 0; i < n; i++)
		f->at[i] = at[i];
	f->n = n;
	log_info(n ? "forwarders are told" : "without forwarders the root's servers are asked",
		 LOG_U64("servers", n));
	f->changed(f->arg);
}

static void forget(void *arg)
{
	take(arg, NULL, 0);
}

static void handle(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct resolver_forwarders *f = arg;
	struct ip_endpoint at[FORWARDERS_MAX];
	size_t n = 0;
	json_int_t hold_s = json_integer_value(json_object_get(req->body, "hold_s"));
	if (!read_servers(json_object_get(req->body, "servers"), f->port, at, &n)) {
		control_reply_error(reply, 400, "servers: expected at most 3 addresses of others");
		return;
	}
	if (hold_s < 1 || hold_s > FORWARDERS_HOLD_MAX_S) {
		control_reply_error(reply, 400, "hold_s: expected 1 to 3600");
		return;
	}
	loop_timer_cancel(f->loop, &f->forget);
	if (n)
		loop_timer_set_after(f->loop, &f->forget, (uint64_t)hold_s * 1000);
	take(f, at, n);
	control_reply_json(reply, 200, json_pack("{s:I}", "servers", (json_int_t)n));
}

static const struct control_verb verbs[] = {
	{"POST", "/forwarders", "ask these servers, for hold_s seconds, until told again", handle},
};

enum err resolver_forwarders_open(struct resolver_forwarders *f, struct loop *loop, int fd,
				  uint16_t port, void (*changed)(void *arg), void *arg)
{
	*f = (struct resolver_forwarders){
		.loop = loop, .port = port, .changed = changed, .arg = arg};
	f->face = (struct control_face){
		.service = "resolver", .verbs = verbs, .verbs_n = 1, .arg = f};
	loop_timer_init(&f->forget, forget, f);
	return control_new(loop, fd, &f->face, &f->control);
}

void resolver_forwarders_done(struct resolver_forwarders *f)
{
	if (!f->control)
		return;
	loop_timer_cancel(f->loop, &f->forget);
	control_free(f->control);
	f->control = NULL;
}

json_t *resolver_forwarders_json(const struct resolver_forwarders *f)
{
	json_t *servers = json_array();
	for (size_t i = 0; i < f->n; i++) {
		char text[IP_ADDRESS_TEXT_MAX];
		(void)ip_address_format(&f->at[i].address, text);
		(void)json_array_append_new(servers, json_string(text));
	}
	uint64_t now_ms = loop_now_ms(f->loop);
	uint64_t left_ms = f->forget.set && f->forget.at_ms > now_ms ? f->forget.at_ms - now_ms : 0;
	return json_pack("{s:o,s:I}", "servers", servers, "forget_s",
			 (json_int_t)((left_ms + 999) / 1000));
}
