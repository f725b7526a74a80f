/* Whom rules of the configuration name: users there are, and groups only of a policy that is
 * obeyed. Knows no request. */
#ifndef FORWARD_PROXY_CONF_MEMBERS_H
#define FORWARD_PROXY_CONF_MEMBERS_H

struct config_at;
struct forward_conf;

/* Of `answers` and of the rules of `privacy`. */
void forward_members_check(const struct forward_conf *conf, struct config_at *at);

#endif
