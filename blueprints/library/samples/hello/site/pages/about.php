<h1>What runs here</h1>
<p>
    One cluster of the <em>php</em> cartridge. Each member is a Pod; a Service shares the requests among
    them. The code comes from the git repository named in the application's document, and every member
    says which commit it serves.
</p>
<p>
    <a href="/work?ms=200">/work?ms=200</a> keeps a processor busy for 200 milliseconds: ask for it often
    enough, and an autoscaling policy has something to do.
</p>
