# Runs as root while the image is made: a web server with one page that says the time.
mkdir -p /opt/clock/site/cgi-bin
cat > /opt/clock/site/cgi-bin/index.cgi <<'PAGE'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
date -u
PAGE
cat > /opt/clock/serve <<'SERVE'
#!/bin/sh
exec busybox httpd -f -p 8080 -h /opt/clock/site
SERVE
echo 'The time: /cgi-bin/index.cgi' > /opt/clock/site/index.html
chmod 0755 /opt/clock/serve /opt/clock/site/cgi-bin/index.cgi
