/* The lab's hosts as network namespaces, joined by their links. Knows no service. */
#ifndef LAB_NETWORK_H
#define LAB_NETWORK_H

#include "base/err.h"

#define LAB_FOLDER    "/run/lab" /* in the lab's own mount namespace: LAB_FOLDER/HOST/… */
#define LAB_HOSTS_MAX 32

/* Makes every host of the topology: its namespace, held by LAB_FOLDER/HOST/netns, its links,
 * addresses and routes. *ret_what: what failed, for people. netns_fds: by place in lab_hosts; owned
 * by the caller. */
MUST enum err lab_network_make(int netns_fds[LAB_HOSTS_MAX], const char **ret_what);

#endif
