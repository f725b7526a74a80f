/* A web server on a host of the lab: one page, which tells who asked for it. Knows no topology but
 * a host's name. */
#ifndef LAB_WEB_H
#define LAB_WEB_H

#include "base/err.h"

#include <stdbool.h>

/* Starts busybox's httpd on port 80 of that network; it lives as long as the lab. title: what the
 * page begins with. unprivileged: we are, and it stays who we are; else it becomes nobody. ENOENT:
 * busybox is not installed. */
MUST enum err lab_web_start(const char *host, const char *title, int netns_fd, bool unprivileged);

#endif
