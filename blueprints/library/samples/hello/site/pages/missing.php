<h1>Not here</h1>
<p>There is no page at <code><?= html($path) ?></code>.</p>
