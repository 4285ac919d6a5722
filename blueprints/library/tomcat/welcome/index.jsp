<%@ page contentType="text/html; charset=UTF-8" %>
<!doctype html>
<title>Tomcat</title>
<p>Member <%= System.getenv("HOSTNAME") %> has no web application yet. Give its cluster an artifact.</p>
